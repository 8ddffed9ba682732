# whisper.cpp for transcripts: the target valence_whisper, on the ggml of valence_llama, so that there is one ggml in the
# process. scripts/fetch_whisper.sh builds the pinned source once into the cache of cmake/llama.cmake.
set(VALENCE_WHISPER_SDIST "" CACHE FILEPATH "The sdist pywhispercpp-1.5.1.tar.gz, where it cannot be downloaded")

add_library(valence_whisper INTERFACE)
if(NOT cache)
  set(cache "${VALENCE_CACHE}")
endif()
if(NOT cache)
  set(cache "$ENV{HOME}/.cache/valence")
endif()

if(installed_llama_FOUND)
  pkg_get_variable(llama_prefix llama prefix)
else()
  set(llama_prefix ${prefix})
endif()
set(whisper_script ${PROJECT_SOURCE_DIR}/scripts/fetch_whisper.sh)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${whisper_script})
file(SHA256 ${whisper_script} whisper_key)
string(SHA256 whisper_key "${whisper_key} ${llama_prefix}")
string(SUBSTRING ${whisper_key} 0 12 whisper_key)
set(whisper_prefix ${cache}/whisper-${whisper_key})

if(NOT EXISTS ${whisper_prefix}/lib/libwhisper.so)
  message(STATUS "whisper.cpp: not in ${cache} yet")
  execute_process(COMMAND ${whisper_script} ${whisper_prefix} ${llama_prefix} ${VALENCE_WHISPER_SDIST}
                  RESULT_VARIABLE result)
  if(result)
    message(FATAL_ERROR "whisper.cpp could not be built; -DVALENCE_ENCODERS=OFF builds valence without encoders")
  endif()
endif()
message(STATUS "whisper.cpp: ${whisper_prefix}")
target_include_directories(valence_whisper SYSTEM INTERFACE ${whisper_prefix}/include)
target_link_libraries(valence_whisper INTERFACE ${whisper_prefix}/lib/libwhisper.so valence_llama)

install(DIRECTORY ${whisper_prefix}/lib/ DESTINATION ${CMAKE_INSTALL_LIBDIR}/valence COMPONENT runtime
        FILES_MATCHING PATTERN "*.so*")
install(FILES ${whisper_prefix}/models/silero-vad.bin DESTINATION ${CMAKE_INSTALL_DATADIR}/valence COMPONENT runtime)
install(FILES ${whisper_prefix}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime RENAME LICENSE.whisper.cpp)

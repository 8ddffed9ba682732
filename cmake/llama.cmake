# llama.cpp and ggml for the encoders: the target valence_llama, with their headers and libraries.
#
# An installed llama (pkg-config) is taken where it has what src/encode/ uses; else scripts/fetch_llama.sh builds the
# pinned source once into a cache that all later builds share: VALENCE_CACHE, or ~/.cache/valence. The libraries have
# C interfaces and are built by the system's compiler, so that every preset, the sanitized ones too, links the same.
set(VALENCE_CACHE "$ENV{VALENCE_CACHE}" CACHE PATH "Where built dependencies are kept (default ~/.cache/valence)")
set(VALENCE_LLAMA_SDIST "" CACHE FILEPATH "The sdist llama_cpp_python-0.3.36.tar.gz, where it cannot be downloaded")
set(VALENCE_GGML_OPTIONS "" CACHE STRING "More options for ggml's build, such as -DGGML_CUDA=ON or -DGGML_VULKAN=ON")

add_library(valence_llama INTERFACE)

pkg_check_modules(installed_llama QUIET IMPORTED_TARGET llama>=0.5.0)
if(installed_llama_FOUND)
  message(STATUS "llama.cpp: installed, version ${installed_llama_VERSION}")
  target_link_libraries(valence_llama INTERFACE PkgConfig::installed_llama)
  return()
endif()

set(cache "${VALENCE_CACHE}")
if(NOT cache)
  set(cache "$ENV{HOME}/.cache/valence")
endif()
set(script ${PROJECT_SOURCE_DIR}/scripts/fetch_llama.sh)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})

# What the libraries depend on names their folder: the script (version, hash, options), further options, the compiler.
file(SHA256 ${script} key)
execute_process(COMMAND c++ -dumpfullversion -dumpmachine OUTPUT_VARIABLE compiler ERROR_QUIET)
string(SHA256 key "${key} ${VALENCE_GGML_OPTIONS} ${compiler}")
string(SUBSTRING ${key} 0 12 key)
set(prefix ${cache}/llama-${key})

if(NOT EXISTS ${prefix}/lib/libllama.so)
  message(STATUS "llama.cpp: not installed and not in ${cache} yet")
  execute_process(COMMAND ${CMAKE_COMMAND} -E env "VALENCE_GGML_OPTIONS=${VALENCE_GGML_OPTIONS}"
                          ${script} ${prefix} ${VALENCE_LLAMA_SDIST}
                  RESULT_VARIABLE result)
  if(result)
    message(FATAL_ERROR "llama.cpp could not be built; -DVALENCE_ENCODERS=OFF builds valence without encoders")
  endif()
endif()
message(STATUS "llama.cpp: ${prefix}")
target_include_directories(valence_llama SYSTEM INTERFACE ${prefix}/include)
target_link_libraries(valence_llama INTERFACE ${prefix}/lib/libllama.so ${prefix}/lib/libggml.so
                                              ${prefix}/lib/libggml-base.so)

# The libraries travel with an installed valence, their back ends beside them.
include(GNUInstallDirs)
install(DIRECTORY ${prefix}/lib/ DESTINATION ${CMAKE_INSTALL_LIBDIR}/valence COMPONENT runtime
        FILES_MATCHING PATTERN "*.so*")
install(FILES ${prefix}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime RENAME LICENSE.llama.cpp)
set(CMAKE_INSTALL_RPATH "$ORIGIN/valence" "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/valence")

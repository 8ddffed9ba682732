# What is installed: the command, the libraries with their headers and pkg-config files, the manual pages, the licence. It is
# two components, and so two packages (cmake/package.cmake): `runtime`, and `development` for what only compiling needs.
include(GNUInstallDirs)

# Two shared libraries of the components. libvalence is the store, the network and all that is learnt; libvalence-media reads
# sounds, pictures and films and runs the encoders, which needs llama.cpp and FFmpeg. Only the public names, valence_*, leave
# them.
function(valence_library name description)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "PACKAGE" "COMPONENTS;BESIDE")
  if(NOT ARG_PACKAGE)
    set(ARG_PACKAGE runtime)
  endif()
  set(target lib${name})
  set(map ${PROJECT_SOURCE_DIR}/cmake/${target}.map)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/${target}.c
       CONTENT "/* CMake wants a source; everything is in the components. */\n")
  add_library(${target} SHARED ${CMAKE_BINARY_DIR}/${target}.c)
  # A library beside it comes first, so that what that exports is not taken from an archive once more.
  target_link_libraries(${target} PRIVATE ${ARG_BESIDE})
  foreach(component IN LISTS ARG_COMPONENTS)
    target_link_options(${target} PRIVATE
      "LINKER:--whole-archive,$<TARGET_FILE:${component}>,--no-whole-archive")
  endforeach()
  target_link_options(${target} PRIVATE "LINKER:--version-script=${map}")
  if(NOT VALENCE_SANITIZE AND NOT VALENCE_SANITIZE_THREADS AND NOT VALENCE_FUZZ) # clang's sanitizers are in the executable only
    target_link_options(${target} PRIVATE "LINKER:--no-undefined")
  endif()
  target_link_libraries(${target} PRIVATE ${ARG_COMPONENTS})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${map})
  set(pc_name ${name})
  set(pc_description ${description})
  set(pc_requires "")
  if(ARG_BESIDE)
    set(pc_requires "\nRequires: valence = ${PROJECT_VERSION}")
  endif()
  configure_file(cmake/valence.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
          COMPONENT development)
  install(TARGETS ${target} LIBRARY COMPONENT ${ARG_PACKAGE} NAMELINK_COMPONENT development)
endfunction()

file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})

get_property(components GLOBAL PROPERTY VALENCE_COMPONENTS)
set(media_components ${components})
list(FILTER media_components INCLUDE REGEX "^valence_(media|encode|extract|score|score_page|http|serve)$")
list(REMOVE_ITEM components ${media_components} valence_mpi)
if(NOT VALENCE_ENCODERS) # there is nothing to serve: only the tests use what is left
  set(media_components "")
endif()
valence_library(valence "Multimodal sentiment of video clips that keeps working when the transcript is missing"
                COMPONENTS ${components})
set(libraries libvalence)
if(media_components)
  valence_library(valence-media "Features for valence from sounds, pictures, films and transcripts"
                  COMPONENTS ${media_components} BESIDE libvalence)
  # What both need privately is in both, and exported by neither.
  foreach(shared IN ITEMS base format config collective kernels model store models data run evaluate report)
    target_link_options(libvalence-media PRIVATE "LINKER:--exclude-libs=libvalence_${shared}.a")
  endforeach()
  list(APPEND libraries libvalence-media)
endif()
if(VALENCE_MPI)
  valence_library(valence-mpi "Ranks started by MPI, for training valence with several processes"
                  COMPONENTS valence_mpi BESIDE libvalence PACKAGE mpi)
  list(APPEND libraries libvalence-mpi)
endif()

# Installed libraries are found beside each other, and OpenBLAS's OpenMP build in its folder of the system, which is used
# whatever OpenBLAS the system prefers. Nothing points into the tree or the cache that they were built in.
set(openblas_folder ${openblas_LIBRARY_DIRS})
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND openblas_folder MATCHES "^/usr/lib/") # Debian wants no absolute paths
  file(RELATIVE_PATH openblas_folder ${CMAKE_INSTALL_FULL_LIBDIR} ${openblas_folder})
  set(openblas_folder "$ORIGIN/${openblas_folder}")
endif()
set_target_properties(${libraries} PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF
  INSTALL_RPATH "$ORIGIN;$ORIGIN/valence;${openblas_folder}")
set_target_properties(valence_command PROPERTIES INSTALL_RPATH_USE_LINK_PATH OFF
  INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/valence")

install(TARGETS valence_command COMPONENT runtime)
set(absent "")
if(NOT media_components) # the headers of libvalence-media
  set(absent REGEX "/(convert|encode|encoder|encoder_cost|extract|extract_store|faces|media|media_worker|preview|prosody|score_formats|score_json|score_report|scorer|serve|simulate|text_table|transcribe|transcripts)\\.h$" EXCLUDE)
endif()
if(NOT VALENCE_MPI)
  list(APPEND absent REGEX "/mpi\\.h$" EXCLUDE)
endif()
install(DIRECTORY include/valence DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" ${absent})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/valence COMPONENT runtime)
if(VALENCE_ENCODERS AND VALENCE_SERVE)
  # systemd reads units from lib/ of /usr and /usr/local, whatever folder the libraries are in.
  install(FILES packaging/valence.service DESTINATION lib/systemd/system COMPONENT runtime)
  install(FILES packaging/nginx.conf DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT runtime)
endif()

# Completion scripts and a manual page for each command, made by the command from its own tables.
set(command_texts ${CMAKE_BINARY_DIR}/command_texts)
add_custom_command(OUTPUT ${command_texts}/made
  COMMAND ${PROJECT_SOURCE_DIR}/scripts/make_command_texts.sh $<TARGET_FILE:valence_command> ${command_texts}
  DEPENDS valence_command ${PROJECT_SOURCE_DIR}/scripts/make_command_texts.sh
  COMMENT "Making the command's manual pages and completion scripts")
add_custom_target(command_texts ALL DEPENDS ${command_texts}/made)
install(DIRECTORY ${command_texts}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
install(FILES ${command_texts}/valence.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        COMPONENT runtime RENAME valence)
# Debian's zsh looks in vendor-completions, others in site-functions.
set(zsh_folder site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh_folder vendor-completions)
endif()
install(FILES ${command_texts}/_valence DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_folder} COMPONENT runtime)
install(FILES ${command_texts}/valence.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT runtime)

# A manual page of section 3 for every header, and one line for each of its functions.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  set(api_pages ${CMAKE_BINARY_DIR}/man3)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/valence/*.h)
  add_custom_command(OUTPUT ${api_pages}/valence_api.3
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${api_pages}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/make_api_pages.py
            ${PROJECT_SOURCE_DIR}/include/valence ${api_pages}
    DEPENDS ${headers} ${PROJECT_SOURCE_DIR}/scripts/make_api_pages.py
    COMMENT "Making the library's manual pages")
  add_custom_target(api_pages ALL DEPENDS ${api_pages}/valence_api.3)
  install(DIRECTORY ${api_pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT development)
endif()

# What is installed: the command, the library with its headers and pkg-config file, the manual page.
include(GNUInstallDirs)

# One shared library of all components; only the public names, valence_*, leave it.
get_property(components GLOBAL PROPERTY VALENCE_COMPONENTS)
set(map ${PROJECT_SOURCE_DIR}/cmake/libvalence.map)
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/libvalence.c
     CONTENT "/* CMake wants a source; everything is in the components. */\n")
add_library(libvalence SHARED ${CMAKE_BINARY_DIR}/libvalence.c)
foreach(component IN LISTS components)
  target_link_options(libvalence PRIVATE
    "LINKER:--whole-archive,$<TARGET_FILE:${component}>,--no-whole-archive")
endforeach()
target_link_options(libvalence PRIVATE "LINKER:--version-script=${map}")
if(NOT VALENCE_SANITIZE AND NOT VALENCE_FUZZ) # clang's sanitizers are in the executable only
  target_link_options(libvalence PRIVATE "LINKER:--no-undefined")
endif()
target_link_libraries(libvalence PRIVATE ${components})
set_target_properties(libvalence PROPERTIES OUTPUT_NAME valence
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${map})

# Where a library was found at build time (OpenBLAS's OpenMP build has a folder of its own), it is found again.
set_target_properties(libvalence valence_command PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)

file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
configure_file(cmake/valence.pc.in valence.pc @ONLY)

install(TARGETS libvalence valence_command)
install(DIRECTORY include/valence DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/valence.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES docs/valence.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

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
  install(DIRECTORY ${api_pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
endif()

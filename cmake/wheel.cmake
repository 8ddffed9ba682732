# What the Python wheel (pyproject.toml) needs beside what is installed anyway: the ctypes declarations, made from the headers.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(bindings ${CMAKE_BINARY_DIR}/_bindings.py)
file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/valence/*.h)
add_custom_command(OUTPUT ${bindings}
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/python/generate.py --cc ${CMAKE_C_COMPILER} ${bindings}
  DEPENDS ${headers} ${PROJECT_SOURCE_DIR}/python/generate.py
  COMMENT "Making the declarations for Python")
add_custom_target(python_bindings DEPENDS ${bindings})
install(FILES ${bindings} DESTINATION . COMPONENT python)
# A wheel has no links: the file has the name by which it is loaded.
foreach(library IN LISTS libraries)
  set_target_properties(${library} PROPERTIES VERSION ${PROJECT_VERSION_MAJOR})
endforeach()
# OpenMP goes under the name that the system has for it, and not under one of its own as auditwheel would give it: PyTorch's
# wheels do the same, and whichever is loaded first is then the one that both use.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libgomp.so.1 OUTPUT_VARIABLE gomp OUTPUT_STRIP_TRAILING_WHITESPACE)
file(REAL_PATH ${gomp} gomp)
install(FILES ${gomp} DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME libgomp.so.1 COMPONENT python)
# The licences of all that auditwheel will put into it.
install(CODE "execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/wheel_licenses.sh
  \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/licenses\" \"$<TARGET_FILE:libvalence>\" \"$<TARGET_FILE:libvalence-media>\"
  COMMAND_ERROR_IS_FATAL ANY)" COMPONENT python)

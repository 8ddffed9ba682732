# A component is a folder of src/: a static library of every file in it and its subfolders, named valence_FOLDER, that may include the
# public headers and the components it names. `scripts/check_layers.py` checks the same rule from the #include lines.
function(valence_component name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "USES;LIBRARIES")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.c)
  if(NOT sources)
    return()
  endif()
  add_library(valence_${name} STATIC ${sources})
  target_include_directories(valence_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                                    ${PROJECT_SOURCE_DIR}/src)
  foreach(used IN LISTS ARG_USES)
    if(TARGET valence_${used})
      target_link_libraries(valence_${name} PUBLIC valence_${used})
    endif()
  endforeach()
  target_link_libraries(valence_${name} PUBLIC ${ARG_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY VALENCE_COMPONENTS valence_${name})
endfunction()

# The library that reports draw charts with: scripts/fetch_echarts.sh bundles it once into the cache, from its pinned npm packages.
# Without it, or with VALENCE_CHARTS off, reports have their tables and say what is missing.
option(VALENCE_CHARTS "Build Apache ECharts into reports, from npm or the cache" ON)
set(VALENCE_ECHARTS_PACKAGES "" CACHE PATH "A folder with the .tgz packages of scripts/fetch_echarts.sh, where npm cannot fetch them")

set(charts_bundle "")
if(VALENCE_CHARTS)
  set(charts_script ${PROJECT_SOURCE_DIR}/scripts/fetch_echarts.sh)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${charts_script})
  set(charts_cache ${CMAKE_COMMAND} -E env)
  if(VALENCE_CACHE)
    list(APPEND charts_cache VALENCE_CACHE=${VALENCE_CACHE})
  endif()
  execute_process(COMMAND ${charts_cache} ${charts_script} ${VALENCE_ECHARTS_PACKAGES} RESULT_VARIABLE result
                  OUTPUT_VARIABLE charts_bundle ERROR_VARIABLE problem OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(result)
    set(charts_bundle "")
    message(STATUS "ECharts: not there, so reports will have tables but no charts: ${problem}")
  else()
    message(STATUS "ECharts: ${charts_bundle}")
  endif()
endif()

# cmake -DFOLDER=... -DOUTPUT=... -P embed.cmake: the files of a folder as a C array, `page_files` (src/report/page.h), sorted by
# name. Written at build time; nothing of it is kept in the repository.
file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js)
list(SORT files)
set(arrays "")
set(table "")
set(number 0)
foreach(name IN LISTS files)
  file(READ ${FOLDER}/${name} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char file_${number}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", file_${number}, ${size}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Made by cmake/embed.cmake from src/report/page/. */\n#include \"report/page.h\"\n\n${arrays}\n"
  "const struct page_file page_files[] = {\n${table}};\nconst int n_page_files = ${number};\n")

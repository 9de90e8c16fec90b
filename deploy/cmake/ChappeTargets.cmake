# Libraries and programs from the .c files of a folder: a new file needs no change here.

# Sets OUT to the .c files of the folders given (of this directory), but not main*.c.
function(chappe_sources out)
    set(patterns "")
    foreach(folder IN LISTS ARGN)
        list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
    endforeach()
    file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    list(FILTER sources EXCLUDE REGEX "/main[^/]*\\.c$")
    set(${out} ${sources} PARENT_SCOPE)
endfunction()

# chappe_library(NAME FOLDERS folder... LIBS library...): a static library.
function(chappe_library name)
    cmake_parse_arguments(arg "" "" "FOLDERS;LIBS" ${ARGN})
    chappe_sources(sources ${arg_FOLDERS})
    if(sources)
        add_library(${name} STATIC ${sources})
        target_link_libraries(${name} PUBLIC ${arg_LIBS})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE ${arg_LIBS})
    endif()
endfunction()

# chappe_program(NAME SOURCES file... LIBS library...): a program, if its sources exist.
function(chappe_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${arg_SOURCES})
    if(sources)
        add_executable(${name} ${sources})
        target_link_libraries(${name} PRIVATE ${arg_LIBS})
    endif()
endfunction()

# What every file of ours is compiled with. Headers of other projects are system headers to the
# compiler and not warned about.
add_compile_options(
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -fno-omit-frame-pointer -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
)
if(CHAPPE_WERROR)
    add_compile_options(-Werror)
endif()
# Empty, so that a file which defines it itself defines the same.
add_compile_definitions(_GNU_SOURCE= CHAPPE_VERSION="${PROJECT_VERSION}")
include_directories(${PROJECT_SOURCE_DIR})

if(CHAPPE_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
endif()

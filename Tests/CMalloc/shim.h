// What the C library's allocator tells of itself; Swift's Glibc module leaves this header out.
#include <malloc.h>

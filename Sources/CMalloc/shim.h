// What the C library's allocator tells of its blocks; Swift's Glibc module leaves this header out.
#include <malloc.h>

// glibc has this function since 2.36, and Swift's run-time calls it. Linked into portable programs, so that they run on systems whose
// glibc is older: Ubuntu 22.04 has 2.35.

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void arc4random_buf(void *buffer, size_t count) {
  char *next = buffer;
  while (count > 0) {
    ssize_t got = getrandom(next, count, 0);
    if (got < 0 && errno != EINTR) abort(); // without random numbers, as glibc does
    if (got < 0) continue;
    next += got;
    count -= (size_t)got;
  }
}

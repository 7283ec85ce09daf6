// `sfumato`: finds libtorch, then executes `sfumato-main`, which is in the same folder.
//
// libtorch reads OMP_WAIT_POLICY when it is loaded, and the dynamic linker reads its search path when a program starts, so
// both must be set before the program that is linked to libtorch starts. `Package.swift` searches the same places in the
// same order at build time; the first libtorch found is used, and must have the version that was built against.
// SFUMATO_TORCH_FOLDER, the one of that build, is not defined in programs that are built to run elsewhere.

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#define LIBRARY "libtorch_cpu.dylib"
#define LIBRARY_PATH "DYLD_LIBRARY_PATH"
#else
#define LIBRARY "libtorch_cpu.so"
#define LIBRARY_PATH "LD_LIBRARY_PATH"
#endif

enum { exitBadData = 65, exitInputMissing = 66, exitInternal = 70 };

typedef char Path[PATH_MAX];

// The places searched without success, one per line, for the message.
static char lookedIn[8 * PATH_MAX];

static void note(const char *format, ...) {
  size_t used = strlen(lookedIn);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(lookedIn + used, sizeof lookedIn - used, format, arguments);
  va_end(arguments);
}

// Writes `folder/name`; false if that is too long for a path.
static bool join(Path out, const char *folder, const char *name) {
  return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static const char *setVariable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

// The folder of the running program, with links resolved.
static bool programFolder(Path out) {
#ifdef __APPLE__
  Path path;
  uint32_t size = sizeof path;
  if (_NSGetExecutablePath(path, &size) != 0 || !realpath(path, out)) return false;
#else
  if (!realpath("/proc/self/exe", out)) return false;
#endif
  *strrchr(out, '/') = 0;
  return true;
}

// Whether `folder` contains libtorch; sets `out` to its real path.
static bool holdsTorch(const char *folder, Path out) {
  Path library;
  return join(library, folder, "lib/" LIBRARY) && access(library, R_OK) == 0 && realpath(folder, out);
}

// `.libtorch` in the folder of the program or a parent folder: the package in which it was built, or where it is installed.
static bool torchOfPackage(const char *programs, Path out) {
  Path folder, candidate;
  strcpy(folder, programs);
  for (char *end = folder + strlen(folder); end; end = strrchr(folder, '/')) {
    *end = 0;
    if (join(candidate, folder, ".libtorch") && holdsTorch(candidate, out)) return true;
  }
  note("  .libtorch in %s and every folder above it\n", programs);
  return false;
}

// `libtorch-<version>` in the user's cache folder, where `./dev setup` puts it.
static bool torchOfCache(Path out) {
  Path folder;
  const char *cache = setVariable("XDG_CACHE_HOME"), *home = setVariable("HOME");
  struct passwd *user = home ? NULL : getpwuid(getuid());
  if (user) home = user->pw_dir;
  if (!cache && !home) return false;
  if (snprintf(folder, PATH_MAX, "%s%s/sfumato/libtorch-" SFUMATO_TORCH_VERSION "/torch", cache ? cache : home, cache ? "" : "/.cache")
      >= PATH_MAX)
    return false;
  if (holdsTorch(folder, out)) return true;
  note("  %s\n", folder);
  return false;
}

static bool findTorch(const char *programs, Path out) {
  const char *chosen = setVariable("LIBTORCH");
  if (chosen) {
    // Chosen by the user: no fallback to another one.
    if (holdsTorch(chosen, out)) return true;
    note("  %s/lib (LIBTORCH)\n", chosen);
    return false;
  }
  note("  $LIBTORCH, which is not set\n");
  if (torchOfPackage(programs, out) || torchOfCache(out)) return true;
#ifdef SFUMATO_TORCH_FOLDER
  if (holdsTorch(SFUMATO_TORCH_FOLDER, out)) return true;
  note("  " SFUMATO_TORCH_FOLDER ", where it was when this program was built\n");
#endif
  return false;
}

// Reads the version, `2.13.0` from `2.13.0+cpu`, in the wheel's version.py or the archive's build-version.
static void readVersion(const char *torch, char *out, size_t size) {
  Path path;
  char line[256];
  const char *files[] = {"version.py", "build-version"}, *formats[] = {"__version__ = %*1['\"]%63[0-9.]", "%63[0-9.]"};
  snprintf(out, size, "unknown");
  for (int i = 0; i < 2; i++) {
    FILE *file = join(path, torch, files[i]) ? fopen(path, "r") : NULL;
    if (!file) continue;
    char version[64];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) found = sscanf(line, formats[i], version) == 1;
    fclose(file);
    if (!found) continue;
    snprintf(out, size, "%s", version);
    return;
  }
}

// Puts `torch/lib` first in the search path of the dynamic linker.
static bool searchFirst(const char *torch) {
  const char *before = setVariable(LIBRARY_PATH);
  size_t size = strlen(torch) + (before ? strlen(before) : 0) + sizeof "/lib:";
  char *value = malloc(size);
  if (!value) return false;
  snprintf(value, size, "%s/lib%s%s", torch, before ? ":" : "", before ? before : "");
  bool done = setenv(LIBRARY_PATH, value, 1) == 0;
  free(value);
  return done;
}

// What to do about a missing libtorch, or about `other`, one of another version; `programs` is the folder of this program.
#ifdef SFUMATO_TORCH_FOLDER
static void advise(FILE *out, const char *programs, const char *other) {
  (void)programs;
  if (other) {
    fprintf(out, "To use the one that was found, rebuild: LIBTORCH=%s ./dev build\n", other);
    fprintf(out, "To keep this program, set LIBTORCH to the folder that holds include/ and lib/ of libtorch " SFUMATO_TORCH_VERSION ".\n");
  } else {
    fprintf(out, "Run ./dev setup in the folder of Sfumato's sources, or set LIBTORCH to the folder that holds include/ and lib/ of\n"
                 "libtorch " SFUMATO_TORCH_VERSION " (the folder `torch` of an installed Python package of that version).\n");
  }
}
#else
static void advise(FILE *out, const char *programs, const char *other) {
  (void)other;
  fprintf(out, "Install libtorch " SFUMATO_TORCH_VERSION ", for example with: python3 -m pip install torch==" SFUMATO_TORCH_VERSION "\n");
  fprintf(out, "Then set LIBTORCH to the folder of that package, which holds include/ and lib/, or link it once and for all:\n");
  fprintf(out, "ln -sfn \"$(python3 -c 'import torch; print(torch.__path__[0])')\" %s/.libtorch\n", programs);
}
#endif

static int reportMissing(FILE *out, const char *prefix, const char *programs) {
  fprintf(out, "%slibtorch " SFUMATO_TORCH_VERSION ", which this program was built with, was not found.\n", prefix);
  fprintf(out, "Looked for lib/" LIBRARY " in\n%s", lookedIn);
  advise(out, programs, NULL);
  return exitInputMissing;
}

static int reportVersion(FILE *out, const char *prefix, const char *programs, const char *version, const char *torch) {
  fprintf(out, "%slibtorch %s was found in %s,\n", prefix, version, torch);
  fprintf(out, "but this program was built with libtorch " SFUMATO_TORCH_VERSION ", which is not compatible.\n");
  advise(out, programs, torch);
  return exitBadData;
}

int main(int argc, char **argv) {
  // Batch systems may send these before the program, which takes seconds to load, has its handlers: it would die of them. That they are
  // ignored survives exec.
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, SIG_IGN);
  // For `doctor` this is the result; for any other command it is an error.
  bool doctor = argc > 1 && strcmp(argv[1], "doctor") == 0;
  FILE *out = doctor ? stdout : stderr;
  const char *prefix = doctor ? "" : "error: ";
  Path programs, program, torch;
  char version[64];

  if (!programFolder(programs) || !join(program, programs, "sfumato-main")) {
    fprintf(stderr, "error: the folder of sfumato cannot be found: %s\n", strerror(errno));
    return exitInternal;
  }
  if (!findTorch(programs, torch)) return reportMissing(out, prefix, programs);
  readVersion(torch, version, sizeof version);
  if (strcmp(version, SFUMATO_TORCH_VERSION) != 0) return reportVersion(out, prefix, programs, version, torch);

  // Threads that spin while waiting make the program twenty times slower on a busy machine.
  // Some microseconds of it spare a training step a tenth of its time and cost nearly nothing there (docs/benchmarks.md).
  if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT")) {
    setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
    setenv("GOMP_SPINCOUNT", "1000", 1);
  }
  if (!searchFirst(torch)) {
    fprintf(stderr, "error: " LIBRARY_PATH " cannot be set: %s\n", strerror(errno));
    return exitInternal;
  }
  execv(program, argv);
  int reason = errno;
  fprintf(stderr, "error: %s, which must be beside sfumato, cannot be started: %s\n", program, strerror(reason));
  return reason == ENOENT ? exitInputMissing : exitInternal;
}

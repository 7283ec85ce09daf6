#include "cvips.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct _VipsImage VipsImage;
typedef struct _VipsRegion VipsRegion;

// Values of libvips's enumerations, which belong to its ABI.
enum { ACCESS_SEQUENTIAL = 1, FAIL_ON_ERROR = 2, PNG_FILTER_ALL = 0xF8, ROUND_NEAREST = 0 };
enum { FORMAT_UCHAR = 0, FORMAT_USHORT = 2 };
enum {
  SPACE_MULTIBAND = 0, SPACE_B_W = 1, SPACE_HISTOGRAM = 10, SPACE_CMYK = 15, SPACE_RGB = 17, SPACE_SRGB = 22,
  SPACE_RGB16 = 25, SPACE_GREY16 = 26, SPACE_MATRIX = 27
};
enum { TIFF_DEFLATE = 2, TIFF_HORIZONTAL = 2, TIFF_LARGE = 1 << 30 };
enum { LOG_EVERY_LEVEL = ~3 };
enum { STRIP_ROWS = 32, STRIP_BYTES = 1 << 22 };

// Every function of the library that is used. "..." stays in the type: variadic calls have their own convention.
#define FUNCTIONS(F) \
  F(int, vips_init, (const char *)) \
  F(int, vips_version, (int)) \
  F(const char *, vips_version_string, (void)) \
  F(void, vips_concurrency_set, (int)) \
  F(void, vips_cache_set_max, (int)) \
  F(void, vips_block_untrusted_set, (int)) \
  F(char *, vips_error_buffer_copy, (void)) \
  F(void, vips_error_clear, (void)) \
  F(const char *, vips_foreign_find_load_buffer, (const void *, size_t)) \
  F(VipsImage *, vips_image_new_from_buffer, (const void *, size_t, const char *, ...)) \
  F(int, vips_jpegload_buffer, (void *, size_t, VipsImage **, ...)) \
  F(int, vips_pngload_buffer, (void *, size_t, VipsImage **, ...)) \
  F(VipsImage *, vips_image_new_from_memory, (const void *, size_t, int, int, int, int)) \
  F(VipsImage *, vips_image_new_from_memory_copy, (const void *, size_t, int, int, int, int)) \
  F(VipsRegion *, vips_region_new, (VipsImage *)) \
  F(unsigned char *, vips_region_fetch, (VipsRegion *, int, int, int, int, size_t *)) \
  F(int, vips_image_get_width, (const VipsImage *)) \
  F(int, vips_image_get_height, (const VipsImage *)) \
  F(int, vips_image_get_bands, (const VipsImage *)) \
  F(int, vips_image_get_format, (const VipsImage *)) \
  F(int, vips_image_get_interpretation, (const VipsImage *)) \
  F(int, vips_image_get_orientation, (VipsImage *)) \
  F(int, vips_image_get_n_pages, (VipsImage *)) \
  F(int, vips_image_get_page_height, (VipsImage *)) \
  F(size_t, vips_image_get_typeof, (const VipsImage *, const char *)) \
  F(int, vips_image_get_int, (const VipsImage *, const char *, int *)) \
  F(int, vips_image_get_array_int, (VipsImage *, const char *, int **, int *)) \
  F(int, vips_image_get_blob, (const VipsImage *, const char *, const void **, size_t *)) \
  F(int, vips_image_get_string, (const VipsImage *, const char *, const char **)) \
  F(char **, vips_image_get_fields, (const VipsImage *)) \
  F(void, vips_image_set_string, (VipsImage *, const char *, const char *)) \
  F(void, vips_image_set_int, (VipsImage *, const char *, int)) \
  F(void, vips_image_set_array_int, (VipsImage *, const char *, const int *, int)) \
  F(void, vips_image_set, (VipsImage *, const char *, void *)) \
  F(void *, vips_image_map, (VipsImage *, void *(*)(VipsImage *, const char *, void *, void *), void *)) \
  F(double, vips_image_get_xres, (const VipsImage *)) \
  F(double, vips_image_get_yres, (const VipsImage *)) \
  F(int, vips_copy, (VipsImage *, VipsImage **, ...)) \
  F(int, vips_cast, (VipsImage *, VipsImage **, int, ...)) \
  F(int, vips_colourspace, (VipsImage *, VipsImage **, int, ...)) \
  F(int, vips_icc_transform, (VipsImage *, VipsImage **, const char *, ...)) \
  F(int, vips_linear1, (VipsImage *, VipsImage **, double, double, ...)) \
  F(int, vips_round, (VipsImage *, VipsImage **, int, ...)) \
  F(int, vips_pngsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_jpegsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_webpsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_gifsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_tiffsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_pngsave, (VipsImage *, const char *, ...)) \
  F(int, vips_jpegsave, (VipsImage *, const char *, ...)) \
  F(int, vips_webpsave, (VipsImage *, const char *, ...)) \
  F(int, vips_tiffsave, (VipsImage *, const char *, ...)) \
  F(unsigned, g_log_set_handler, (const char *, int, void (*)(const char *, int, const char *, void *), void *)) \
  F(void *, g_object_ref, (void *)) \
  F(void, g_object_unref, (void *)) \
  F(void, g_strfreev, (char **)) \
  F(void, g_free, (void *))

#define MEMBER(result, name, arguments) result(*name) arguments;
#define NAME(result, name, arguments) #name,

static struct { FUNCTIONS(MEMBER) } vips;
static const char *const names[] = {FUNCTIONS(NAME)};
_Static_assert(sizeof(vips) == sizeof(names), "one pointer for each name");

static VipsImage *raw(const cv_image *image) { return (VipsImage *)image; }

// What went wrong is thrown as an error of ours; libvips's own lines on standard error would only come twice.
static void ignore_log(const char *domain, int level, const char *message, void *data) {
  (void)domain, (void)level, (void)message, (void)data;
}

// ---- the library

const char *cv_open(const char *path, int threads) {
  static char reason[1024];
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *message = dlerror();
    snprintf(reason, sizeof reason, "%s", message ? message : "cannot be opened");
    return reason;
  }
  void **slots = (void **)&vips;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    slots[i] = dlsym(library, names[i]);
    if (!slots[i]) {
      snprintf(reason, sizeof reason, "it has no function %s; libvips 8.14 or later is needed", names[i]);
      dlclose(library);
      return reason;
    }
  }
  if (vips.vips_version(0) * 100 + vips.vips_version(1) < 814) {
    snprintf(reason, sizeof reason, "it is version %s; 8.14 or later is needed", vips.vips_version_string());
    dlclose(library);
    return reason;
  }
  if (vips.vips_init("sfumato")) {
    snprintf(reason, sizeof reason, "it does not start");
    return reason;
  }
  vips.g_log_set_handler("VIPS", LOG_EVERY_LEVEL, ignore_log, NULL);
  vips.vips_concurrency_set(threads);
  vips.vips_cache_set_max(0);
  // Decoders that libvips itself holds unsafe for files from outside stay shut.
  vips.vips_block_untrusted_set(1);
  return NULL;
}

const char *cv_version(void) { return vips.vips_version_string(); }

char *cv_take_message(void) {
  char *message = vips.vips_error_buffer_copy();
  vips.vips_error_clear();
  char *copy = strdup(message ? message : "");
  vips.g_free(message);
  return copy;
}

void cv_clear_messages(void) { vips.vips_error_clear(); }

// ---- images

int cv_is_known(const void *bytes, size_t count) { return vips.vips_foreign_find_load_buffer(bytes, count) != NULL; }

cv_image *cv_read(const void *bytes, size_t count, const char *options) {
  return (cv_image *)vips.vips_image_new_from_buffer(
      bytes, count, options, "access", ACCESS_SEQUENTIAL, "fail_on", FAIL_ON_ERROR, (void *)0);
}

// The search for a decoder takes as long as a small picture, so the two that matter are named.

cv_image *cv_read_jpeg(const void *bytes, size_t count) {
  VipsImage *image = NULL;
  int failed = vips.vips_jpegload_buffer(
      (void *)bytes, count, &image, "access", ACCESS_SEQUENTIAL, "fail_on", FAIL_ON_ERROR, (void *)0);
  return failed ? NULL : (cv_image *)image;
}

cv_image *cv_read_png(const void *bytes, size_t count) {
  VipsImage *image = NULL;
  int failed = vips.vips_pngload_buffer(
      (void *)bytes, count, &image, "access", ACCESS_SEQUENTIAL, "fail_on", FAIL_ON_ERROR, (void *)0);
  return failed ? NULL : (cv_image *)image;
}

// Says of plain pixels that they are grey or sRGB; takes `plain`, which may be NULL.
static cv_image *interpreted(VipsImage *plain, int channels) {
  VipsImage *image = NULL;
  if (!plain) return NULL;
  int failed = vips.vips_copy(plain, &image, "interpretation", channels < 3 ? SPACE_B_W : SPACE_SRGB, (void *)0);
  vips.g_object_unref(plain);
  return failed ? NULL : (cv_image *)image;
}

static size_t size_of(int width, int height, int channels) { return (size_t)width * (size_t)height * (size_t)channels; }

cv_image *cv_wrap(const void *pixels, int width, int height, int channels) {
  size_t count = size_of(width, height, channels);
  return interpreted(vips.vips_image_new_from_memory(pixels, count, width, height, channels, FORMAT_UCHAR), channels);
}

cv_image *cv_wrap_copy(const void *pixels, int width, int height, int channels) {
  size_t count = size_of(width, height, channels);
  return interpreted(vips.vips_image_new_from_memory_copy(pixels, count, width, height, channels, FORMAT_UCHAR), channels);
}

cv_image *cv_wrap_deep(const void *pixels, int width, int height, int channels) {
  size_t count = 2 * size_of(width, height, channels);
  VipsImage *plain = vips.vips_image_new_from_memory(pixels, count, width, height, channels, FORMAT_USHORT), *image = NULL;
  if (!plain) return NULL;
  int failed = vips.vips_copy(plain, &image, "interpretation", channels < 3 ? SPACE_GREY16 : SPACE_RGB16, (void *)0);
  vips.g_object_unref(plain);
  return failed ? NULL : (cv_image *)image;
}

void cv_release(cv_image *image) {
  if (image) vips.g_object_unref(image);
}

int cv_width(const cv_image *image) { return vips.vips_image_get_width(raw(image)); }
int cv_height(const cv_image *image) { return vips.vips_image_get_height(raw(image)); }
int cv_channels(const cv_image *image) { return vips.vips_image_get_bands(raw(image)); }
int cv_sample_format(const cv_image *image) { return vips.vips_image_get_format(raw(image)); }
int cv_orientation(cv_image *image) { return vips.vips_image_get_orientation(raw(image)); }
int cv_page_count(cv_image *image) { return vips.vips_image_get_n_pages(raw(image)); }
int cv_page_height(cv_image *image) { return vips.vips_image_get_page_height(raw(image)); }

int cv_delays(cv_image *image, int *delays, int capacity) {
  int *found = NULL, count = 0;
  if (!vips.vips_image_get_typeof(raw(image), "delay")) return 0;
  if (vips.vips_image_get_array_int(raw(image), "delay", &found, &count)) return 0;
  for (int i = 0; i < count && i < capacity; i++) delays[i] = found[i];
  return count;
}

int cv_loop(cv_image *image) {
  int loop = 0;
  if (vips.vips_image_get_typeof(raw(image), "loop")) vips.vips_image_get_int(raw(image), "loop", &loop);
  return loop;
}

// ---- notes: libvips keeps a PNG's text under the name "png-comment-" NUMBER "-" KEY

void cv_add_note(cv_image *image, int number, const char *key, const char *text) {
  char name[128];
  snprintf(name, sizeof name, "png-comment-%d-%s", number, key);
  vips.vips_image_set_string(raw(image), name, text);
}

void cv_notes(const cv_image *image, void (*found)(const char *key, const char *text, void *context), void *context) {
  static const char prefix[] = "png-comment-";
  char **fields = vips.vips_image_get_fields(raw(image));
  for (char **field = fields; field && *field; field++) {
    if (strncmp(*field, prefix, sizeof prefix - 1)) continue;
    const char *key = strchr(*field + sizeof prefix - 1, '-'), *text = NULL;
    if (key && !vips.vips_image_get_string(raw(image), *field, &text) && text) found(key + 1, text, context);
  }
  vips.g_strfreev(fields);
}

// ---- what a file says about its picture

static int begins(const char *name, const char *prefix) { return !strncmp(name, prefix, strlen(prefix)); }

// Whether a field describes the picture rather than the file that holds it. IFD 1 is that of the thumbnail.
static int is_kept(const char *name, int profile) {
  if (!strcmp(name, "icc-profile-data")) return profile;
  if (!strcmp(name, "exif-ifd0-Orientation") || begins(name, "exif-ifd1-")) return 0;
  if (begins(name, "png-comment-")) return !strstr(name, "-sfumato.") && !strstr(name, "-Software");
  return begins(name, "exif-") || !strcmp(name, "xmp-data") || !strcmp(name, "iptc-data") || !strcmp(name, "resolution-unit")
      || !strcmp(name, "image-description");
}

struct keeping {
  VipsImage *target;
  int profile;
};

static void *keep(VipsImage *image, const char *name, void *value, void *context) {
  (void)image;
  struct keeping *keeping = context;
  if (is_kept(name, keeping->profile)) vips.vips_image_set(keeping->target, name, value);
  return NULL;
}

cv_image *cv_with_metadata(cv_image *image, cv_image *source, int profile) {
  VipsImage *result = NULL;
  double x = vips.vips_image_get_xres(raw(source)), y = vips.vips_image_get_yres(raw(source));
  if (vips.vips_copy(raw(image), &result, "xres", x, "yres", y, (void *)0)) return NULL;
  struct keeping keeping = {result, profile};
  vips.vips_image_map(raw(source), keep, &keeping);
  // The block of EXIF holds the old one, which the encoders replace by this.
  vips.vips_image_set_int(result, "orientation", 1);
  return (cv_image *)result;
}

void cv_set_text(cv_image *image, const char *name, const char *text) { vips.vips_image_set_string(raw(image), name, text); }

const char *cv_text(const cv_image *image, const char *name) {
  const char *text = NULL;
  if (!vips.vips_image_get_typeof(raw(image), name) || vips.vips_image_get_string(raw(image), name, &text)) return NULL;
  return text;
}

const void *cv_profile(const cv_image *image, size_t *count) {
  const void *profile = NULL;
  if (!vips.vips_image_get_typeof(raw(image), "icc-profile-data")) return NULL;
  return vips.vips_image_get_blob(raw(image), "icc-profile-data", &profile, count) ? NULL : profile;
}

// ---- colour

// Puts the result of one operation in the place of its input; `*image` is NULL after a failure.
static void replace(VipsImage **image, VipsImage **next, int failed) {
  vips.g_object_unref(*image);
  *image = failed ? NULL : *next;
}

// The colour space that the numbers are in, guessed from channels and width of a sample where the file does not say.
static int space_of(const VipsImage *image) {
  int space = vips.vips_image_get_interpretation(image);
  int unknown = space == SPACE_MULTIBAND || space == SPACE_HISTOGRAM || space == SPACE_MATRIX;
  int grey = unknown ? vips.vips_image_get_bands(image) < 3 : space == SPACE_B_W || space == SPACE_GREY16;
  if (unknown || space == SPACE_B_W || space == SPACE_SRGB || space == SPACE_RGB) {
    if (vips.vips_image_get_format(image) == FORMAT_USHORT) return grey ? SPACE_GREY16 : SPACE_RGB16;
    return grey ? SPACE_B_W : SPACE_SRGB;
  }
  return space;
}

static int holds(const unsigned char *bytes, size_t count, const char *text, size_t length) {
  for (size_t i = 0; i + length <= count; i++)
    if (!memcmp(bytes + i, text, length)) return 1;
  return 0;
}

// Whether the file carries a colour profile that is not sRGB by name (in a description in ASCII or UTF-16); with `profiles` above 1 any.
static int has_foreign_profile(const VipsImage *image, int profiles) {
  const void *profile = NULL;
  size_t count = 0;
  if (!vips.vips_image_get_typeof(image, "icc-profile-data")) return 0;
  if (vips.vips_image_get_blob(image, "icc-profile-data", &profile, &count)) return 0;
  return profiles > 1 || (!holds(profile, count, "sRGB", 4) && !holds(profile, count, "s\0R\0G\0B", 7));
}

// To the nearest whole number, 0 to 255; a cast alone cuts off. `*image` is NULL after a failure.
static void round_to_8bit(VipsImage **image) {
  VipsImage *next = NULL;
  replace(image, &next, vips.vips_round(*image, &next, ROUND_NEAREST, (void *)0));
  if (*image) replace(image, &next, vips.vips_cast(*image, &next, FORMAT_UCHAR, (void *)0));
}

// 0 to 65535 becomes 0 to 255 for grey and colour alike, where vips_colourspace rounds the one and cuts off the other.
static void narrow_to_8bit(VipsImage **image, int space) {
  VipsImage *next = NULL;
  replace(image, &next, vips.vips_linear1(*image, &next, 1 / 257.0, 0.0, (void *)0));
  if (*image) round_to_8bit(image);
  if (*image) replace(image, &next, vips.vips_copy(*image, &next, "interpretation", space, (void *)0));
}

cv_image *cv_8bit(cv_image *source, int profiles) {
  VipsImage *image = NULL, *next = NULL;
  int space = space_of(raw(source));
  int foreign = profiles && has_foreign_profile(raw(source), profiles);
  int plain = vips.vips_image_get_format(raw(source)) == FORMAT_UCHAR && !foreign;
  if (plain && (space == SPACE_B_W || space == SPACE_SRGB)) return (cv_image *)vips.g_object_ref(source);
  if (vips.vips_copy(raw(source), &image, "interpretation", space, (void *)0)) return NULL;
  int rgb = space == SPACE_SRGB || space == SPACE_RGB16;
  if (space == SPACE_CMYK || (rgb && foreign)) {
    // A broken profile is no reason to refuse the picture: then the plain conversion below does it.
    const char *otherwise = space == SPACE_CMYK ? "cmyk" : "srgb";
    if (!vips.vips_icc_transform(image, &next, "srgb", "embedded", 1, "input_profile", otherwise, (void *)0))
      replace(&image, &next, 0);
  }
  int target = space == SPACE_B_W || space == SPACE_GREY16 ? SPACE_B_W : SPACE_SRGB;
  if (vips.vips_image_get_format(image) == FORMAT_USHORT && (rgb || target == SPACE_B_W)) narrow_to_8bit(&image, target);
  if (!image) return NULL;
  replace(&image, &next, vips.vips_colourspace(image, &next, target, (void *)0));
  if (!image) return NULL;
  replace(&image, &next, vips.vips_cast(image, &next, FORMAT_UCHAR, (void *)0));
  return (cv_image *)image;
}

cv_colors cv_colors_of(const cv_image *image) {
  int space = space_of(raw(image));
  if (space == SPACE_B_W || space == SPACE_GREY16) return CV_GREY;
  if (space == SPACE_SRGB || space == SPACE_RGB16) return CV_RGB;
  return space == SPACE_CMYK ? CV_CMYK : CV_OTHER;
}

int cv_is_deep(const cv_image *image) {
  int space = space_of(raw(image));
  return vips.vips_image_get_format(raw(image)) == FORMAT_USHORT && (space == SPACE_GREY16 || space == SPACE_RGB16);
}

cv_image *cv_16bit(cv_image *source, int profiles) {
  VipsImage *image = NULL, *next = NULL;
  int space = space_of(raw(source));
  if (vips.vips_copy(raw(source), &image, "interpretation", space, (void *)0)) return NULL;
  int foreign = profiles && space == SPACE_RGB16 && has_foreign_profile(raw(source), profiles);
  // A broken profile is ignored, as for 8 bits.
  if (foreign
      && !vips.vips_icc_transform(image, &next, "srgb", "embedded", 1, "input_profile", "srgb", "depth", 16, (void *)0))
    replace(&image, &next, 0);
  return (cv_image *)image;
}

// ---- pixels

int cv_copy_region(cv_image *image, int left, int top, int width, int height, void *pixels) {
  size_t sample = vips.vips_image_get_format(raw(image)) == FORMAT_USHORT ? 2 : 1;
  size_t row = (size_t)width * (size_t)cv_channels(image) * sample;
  VipsRegion *region = vips.vips_region_new(raw(image));
  int failed = !region;
  // A strip at a time keeps what lies between decoder and result small, also where rows are long.
  int most = row * STRIP_ROWS <= STRIP_BYTES ? STRIP_ROWS : row >= STRIP_BYTES ? 1 : (int)(STRIP_BYTES / row);
  for (int y = 0; !failed && y < height; y += most) {
    int rows = height - y < most ? height - y : most;
    size_t count = 0;
    unsigned char *strip = vips.vips_region_fetch(region, left, top + y, width, rows, &count);
    failed = !strip || count != row * (size_t)rows;
    if (!failed) memcpy((unsigned char *)pixels + row * (size_t)y, strip, count);
    vips.g_free(strip);
  }
  if (region) vips.g_object_unref(region);
  return failed ? -1 : 0;
}

// ---- encoding

void cv_set_animation(cv_image *image, int page_height, const int *delays, int count, int loop) {
  vips.vips_image_set_int(raw(image), "page-height", page_height);
  vips.vips_image_set_array_int(raw(image), "delay", delays, count);
  vips.vips_image_set_int(raw(image), "loop", loop);
}

int cv_encode_png(cv_image *image, int compression, void **out, size_t *count) {
  return vips.vips_pngsave_buffer(
      raw(image), out, count, "compression", compression, "filter", PNG_FILTER_ALL, (void *)0);
}

int cv_encode_jpeg(cv_image *image, int quality, int subsampling, int smallest, void **out, size_t *count) {
  return vips.vips_jpegsave_buffer(
      raw(image), out, count, "Q", quality, "subsample_mode", subsampling, "optimize_coding", smallest, (void *)0);
}

int cv_encode_webp(cv_image *image, int quality, int lossless, void **out, size_t *count) {
  return vips.vips_webpsave_buffer(raw(image), out, count, "Q", quality, "lossless", lossless, (void *)0);
}

int cv_encode_gif(cv_image *image, double dither, void **out, size_t *count) {
  return vips.vips_gifsave_buffer(raw(image), out, count, "dither", dither, (void *)0);
}

// A file of the classic kind ends at 4 GiB.
static int is_large(const VipsImage *image) {
  double samples = (double)vips.vips_image_get_width(image) * vips.vips_image_get_height(image) * vips.vips_image_get_bands(image);
  return samples > TIFF_LARGE;
}

int cv_encode_tiff(cv_image *image, void **out, size_t *count) {
  return vips.vips_tiffsave_buffer(
      raw(image), out, count, "compression", TIFF_DEFLATE, "predictor", TIFF_HORIZONTAL, "bigtiff", is_large(raw(image)), (void *)0);
}

int cv_write_png(cv_image *image, const char *path, int compression) {
  return vips.vips_pngsave(raw(image), path, "compression", compression, "filter", PNG_FILTER_ALL, (void *)0);
}

int cv_write_jpeg(cv_image *image, const char *path, int quality, int subsampling) {
  return vips.vips_jpegsave(
      raw(image), path, "Q", quality, "subsample_mode", subsampling, "optimize_coding", 1, (void *)0);
}

int cv_write_webp(cv_image *image, const char *path, int quality, int lossless) {
  return vips.vips_webpsave(raw(image), path, "Q", quality, "lossless", lossless, (void *)0);
}

int cv_write_tiff(cv_image *image, const char *path) {
  return vips.vips_tiffsave(
      raw(image), path, "compression", TIFF_DEFLATE, "predictor", TIFF_HORIZONTAL, "bigtiff", is_large(raw(image)), (void *)0);
}

void cv_free_bytes(void *bytes) { vips.g_free(bytes); }

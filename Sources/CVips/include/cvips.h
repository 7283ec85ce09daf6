// libvips by table: the library is opened at run time, nothing is linked and none of its headers is needed.
// Functions that return a pointer return NULL on failure, the others something other than 0; cv_take_message tells why.
// Everything but cv_open and the two message functions may be called from any thread.
#ifndef CVIPS_H
#define CVIPS_H

#include <stddef.h>
#include <stdint.h>

typedef struct cv_image cv_image;

/// Opens the library at `path` and starts it. NULL when it is ready, else the reason, valid until the next call.
/// May be called again after a failure; not from two threads at once.
const char *cv_open(const char *path, int threads);
/// As the library words it, "8.18.3".
const char *cv_version(void);

/// libvips keeps one buffer of messages for the whole process. A malloc'd copy, after which the buffer is empty.
char *cv_take_message(void);
void cv_clear_messages(void);

/// Reads the header of an encoded picture; pixels are decoded when they are asked for, once, from the top down.
/// `bytes` must outlive the image. `options` are the decoder's, "" or "[shrink=2]"; with "[n=-1]" the pages of an animation
/// follow each other from top to bottom.
cv_image *cv_read(const void *bytes, size_t count, const char *options);
cv_image *cv_read_jpeg(const void *bytes, size_t count);
cv_image *cv_read_png(const void *bytes, size_t count);
/// Whether some decoder of the library knows these bytes.
int cv_is_known(const void *bytes, size_t count);
/// Pixels in memory, 8 bits, rows from the top, `channels` interleaved. They are not copied and must outlive the image.
cv_image *cv_wrap(const void *pixels, int width, int height, int channels);
/// As `cv_wrap`, of a copy that belongs to the image.
cv_image *cv_wrap_copy(const void *pixels, int width, int height, int channels);
/// As `cv_wrap`, of 16 bits a sample in the machine's byte order.
cv_image *cv_wrap_deep(const void *pixels, int width, int height, int channels);
void cv_release(cv_image *image);

int cv_width(const cv_image *image);
int cv_height(const cv_image *image);
int cv_channels(const cv_image *image);
/// The type of a sample: 0 is 8 bits, 2 is 16 bits, each unsigned.
int cv_sample_format(const cv_image *image);
/// 1 to 8 as in EXIF; 1 where the file says nothing.
int cv_orientation(cv_image *image);
int cv_page_count(cv_image *image);
int cv_page_height(cv_image *image);
/// Copies up to `capacity` delays in milliseconds; the number of them that the file gives.
int cv_delays(cv_image *image, int *delays, int capacity);
/// How often the animation is shown; 0 is without an end.
int cv_loop(cv_image *image);

/// Text that a PNG is to carry; `number` counts an image's notes from 0. `key` at most 79 bytes, both in ASCII.
void cv_add_note(cv_image *image, int number, const char *key, const char *text);
/// Calls `found` for each text that a PNG carries.
void cv_notes(const cv_image *image, void (*found)(const char *key, const char *text, void *context), void *context);

/// The picture with what the file of another says about it: resolution, EXIF, XMP, IPTC and text, without orientation and thumbnail;
/// with `profile` its colour profile, too.
cv_image *cv_with_metadata(cv_image *image, cv_image *source, int profile);
/// A field of text under libvips's name for it, such as "exif-ifd0-Software".
void cv_set_text(cv_image *image, const char *name, const char *text);
/// NULL where there is none; it belongs to the image.
const char *cv_text(const cv_image *image, const char *name);
/// The colour profile that the file carries; NULL where there is none. It belongs to the image.
const void *cv_profile(const cv_image *image, size_t *count);

typedef enum { CV_GREY, CV_RGB, CV_CMYK, CV_OTHER } cv_colors;
/// The kind of colours that the numbers of a file stand for.
cv_colors cv_colors_of(const cv_image *image);

/// The same pixels in 8-bit sRGB or 8-bit grey, with the alpha channel that they had; not turned. Without `profiles` RGB is
/// taken to be sRGB whatever its profile says; above 1 it is converted also where the profile has the name sRGB.
cv_image *cv_8bit(cv_image *image, int profiles);
/// Whether a picture has 16 bits a sample, grey or RGB.
int cv_is_deep(const cv_image *image);
/// The pixels of such a picture in 16-bit sRGB or grey, with the alpha channel that they had; not turned.
cv_image *cv_16bit(cv_image *image, int profiles);
/// Computes a part of an image in this thread: width x height x channels samples into `pixels`, each a byte, or two of a 16-bit image. An image from cv_read can
/// be read once, and only downwards.
int cv_copy_region(cv_image *image, int left, int top, int width, int height, void *pixels);

/// Marks a tall image as an animation of pages `page_height` high.
void cv_set_animation(cv_image *image, int page_height, const int *delays, int count, int loop);

/// On success `*out` holds `*count` bytes, to be freed with cv_free_bytes.
int cv_encode_png(cv_image *image, int compression, void **out, size_t *count);
/// `subsampling`: 0 halves colour below quality 90, 1 always, 2 never. `smallest` costs time and changes no pixel.
int cv_encode_jpeg(cv_image *image, int quality, int subsampling, int smallest, void **out, size_t *count);
int cv_encode_webp(cv_image *image, int quality, int lossless, void **out, size_t *count);
int cv_encode_gif(cv_image *image, double dither, void **out, size_t *count);
int cv_encode_tiff(cv_image *image, void **out, size_t *count);
void cv_free_bytes(void *bytes);

/// As those that encode, into a file and by rows, so that memory does not grow with the picture but for WebP.
int cv_write_png(cv_image *image, const char *path, int compression);
int cv_write_jpeg(cv_image *image, const char *path, int quality, int subsampling);
int cv_write_webp(cv_image *image, const char *path, int quality, int lossless);
int cv_write_tiff(cv_image *image, const char *path);

#endif

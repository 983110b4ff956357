/* Compression for zlib.js, by GIO's converters. */
#include "base/error.h"
#include "js/node_internal.h"

#define CHUNK 65536u

/* GIO's words for a cut file speak of its converters. */
static void name_problem(GError **error) {
  if (error == NULL || !g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    return;
  g_clear_error(error);
  g_set_error_literal(error, PINO_ERROR, PINO_ERROR_FAILED, "unexpected end of file");
}

static gboolean convert_all(GConverter *converter, PinoSpan *in, GByteArray *out, gsize limit,
                            GError **error) {
  for (;;) {
    g_autofree guint8 *piece = g_malloc(CHUNK);
    gsize read = 0, written = 0;
    GConverterResult result =
        g_converter_convert(converter, in->data != NULL ? in->data : piece, in->len, piece, CHUNK,
                            G_CONVERTER_INPUT_AT_END, &read, &written, error);
    if (result == G_CONVERTER_ERROR) {
      name_problem(error);
      return FALSE;
    }
    g_byte_array_append(out, piece, (guint)written);
    in->data += read;
    in->len -= read;
    if (out->len > limit) {
      g_set_error(error, PINO_ERROR, PINO_ERROR_LIMIT,
                  "the data unpacks to more than %" G_GSIZE_FORMAT " bytes", limit);
      return FALSE;
    }
    if (result == G_CONVERTER_FINISHED)
      return TRUE;
  }
}

static JSValueRef take(PinoJs *js, GByteArray *out) {
  gsize len = out->len;
  return pino_node_take_bytes(js, g_byte_array_free(out, FALSE), len);
}

/* (bytes, format, level); the formats are those of GZlibCompressorFormat: 0 zlib, 1 gzip, 2 raw */
static JSValueRef zlib_compress(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan in;
  if (!pino_node_span(js, argc, argv, 0, &in, error))
    return NULL;
  g_autoptr(GByteArray) out = g_byte_array_new();
  g_autoptr(GConverter) converter = G_CONVERTER(g_zlib_compressor_new(
      (GZlibCompressorFormat)pino_node_int(js, argc, argv, 1), pino_node_int(js, argc, argv, 2)));
  return convert_all(converter, &in, out, G_MAXINT, error) ? take(js, g_steal_pointer(&out)) : NULL;
}

/* (bytes, format, limit). A gzip file may be several ones in a row. */
static JSValueRef zlib_decompress(PinoJs *js, size_t argc, const JSValueRef argv[], GError **error) {
  PinoSpan in;
  if (!pino_node_span(js, argc, argv, 0, &in, error))
    return NULL;
  int format = pino_node_int(js, argc, argv, 1);
  gsize limit = (gsize)CLAMP(pino_node_number(js, argc, argv, 2, G_MAXINT), 0, G_MAXINT);
  g_autoptr(GByteArray) out = g_byte_array_new();
  do {
    g_autoptr(GConverter) converter = G_CONVERTER(g_zlib_decompressor_new((GZlibCompressorFormat)format));
    if (!convert_all(converter, &in, out, limit, error))
      return NULL;
  } while (format == G_ZLIB_COMPRESSOR_FORMAT_GZIP && in.len > 2 && in.data[0] == 0x1f && in.data[1] == 0x8b);
  return take(js, g_steal_pointer(&out));
}

void pino_node_add_zlib(PinoJs *js) {
  static const PinoJsNativeEntry entries[] = {
      {"compress", zlib_compress},
      {"decompress", zlib_decompress},
      {NULL, NULL},
  };
  pino_js_add_natives(js, "zlib", entries);
}

/* filework copy FROM TO | hash FILE: the engine's own copying and hashing, for storage_bench.py. Prints the hash. */
#include <stdio.h>

#include "storage/hash.h"
#include "storage/tree.h"

static int fail(const GError *error) {
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  if (argc == 4 && g_str_equal(argv[1], "copy"))
    return pino_tree_copy(argv[2], argv[3], PINO_COPY_DEFAULT, NULL, &error) ? 0 : fail(error);
  if (argc != 3 || !g_str_equal(argv[1], "hash"))
    return 2;
  g_autofree char *sum = pino_hash_file(argv[2], "sha256", NULL, &error);
  if (sum == NULL)
    return fail(error);
  puts(sum);
  return 0;
}

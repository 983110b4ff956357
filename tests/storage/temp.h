/* A folder that goes with the test, and helpers to look into it. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

typedef struct {
  char *path;
} TestDir;

TestDir test_dir_make(void);
/* In memory where the system has such a disk, so that nothing waits for one. */
TestDir test_dir_make_in_memory(void);
void test_dir_clear(TestDir *dir);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestDir, test_dir_clear)

/* A path in it (free). */
char *test_path(const TestDir *dir, const char *name);
/* Writes text to name in it, folders made. */
void test_put(const TestDir *dir, const char *name, const char *text);
/* Asserts that name in it is a file with this text. */
void test_has(const TestDir *dir, const char *name, const char *text);
void test_hasnt(const TestDir *dir, const char *name);
/* How many entries the folder name has, temporary files included. */
guint test_count(const TestDir *dir, const char *name);

/* Mounts a disk of 1 MiB on the folder name, for this process alone (call it in test_in_child()). FALSE where that is
 * not allowed. */
gboolean test_small_disk(const TestDir *dir, const char *name);

/* Runs fn in a child process, test_as_nobody() as user 65534 when this is root; asserts that it returned 0. */
void test_as_nobody(int (*fn)(const TestDir *dir), const TestDir *dir);
void test_in_child(int (*fn)(const TestDir *dir), const TestDir *dir);

/* Disks of other kinds than that of the tests, for this process alone: call these in test_in_child(). FALSE where that is
 * not allowed (no root, no loop devices) or the program that makes the file system is missing; with CI=true only the
 * first is. */
#pragma once

#include "temp.h"

/* In memory, without room for more than `size` ("20m"). */
gboolean test_disk_memory(const TestDir *dir, const char *name, const char *size);

/* Made with btrfs on a file: it has reflinks. */
gboolean test_disk_reflink(const TestDir *dir, const char *name);

/* From now on link(2) fails in this process, as on a file system without hard links. */
void test_disk_without_links(void);

/* From now on two names cannot be exchanged in this process, nor renamed without replacing, as on network drives. */
void test_disk_without_exchange(void);

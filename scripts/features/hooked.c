/*
 * A program of which imported functions lead elsewhere, each in another way, and which says so: the function, how, and
 * where it leads. Built without RELRO, so that it may write into its own global offset table as an intruder does who has
 * made that writable again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static ElfW(Addr) entry(ElfW(Sxword) tag)
{
	for (ElfW(Dyn) *dynamic = _DYNAMIC; dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == tag)
			return dynamic->d_un.d_ptr;
	return 0;
}

/* The slot of an imported function, of a program that is loaded where it was linked for. */
static void **slot_of(const char *name)
{
	ElfW(Rela) *rela = (ElfW(Rela) *)entry(DT_JMPREL);
	ElfW(Sym) *symbols = (ElfW(Sym) *)entry(DT_SYMTAB);
	const char *strings = (const char *)entry(DT_STRTAB);
	for (size_t index = 0; index < entry(DT_PLTRELSZ) / sizeof *rela; index++)
		if (strcmp(strings + symbols[ELF64_R_SYM(rela[index].r_info)].st_name, name) == 0)
			return (void **)rela[index].r_offset;
	return NULL;
}

static void hook(const char *name, const char *how, void *target, const char *path)
{
	*slot_of(name) = target;
	printf("%s %s %p %s\n", name, how, target, path);
}

int main(int argc, char **argv)
{
	/* All are called once, as programs do: the loader has bound them. */
	int before = getuid() + getgid() + getppid() + geteuid();
	DIR *folder = opendir("/");
	while (readdir(folder) != NULL)
		before++;
	if (argc > 1) {
		unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy(code + 0x40, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov $42, %eax; ret */
		hook("getuid", "anonymous", code + 0x40, "-");
		void *file = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(argv[1], O_RDONLY), 0);
		hook("getppid", "unlisted", (char *)file + 0x80, argv[1]);
		hook("getgid", "elsewhere", dlsym(RTLD_DEFAULT, "getegid"), "libc.so.6");
		void *readdir_now = dlsym(RTLD_DEFAULT, "readdir");
		Dl_info where;
		dladdr(readdir_now, &where);
		printf("readdir preloaded %p %s\n", readdir_now, where.dli_fname);
	}
	fflush(stdout);
	for (;;)
		sleep(1000 + (before & 1));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/library.h"

#include "base/strings.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ID_MAX_BYTES 32u

typedef struct Search {
        uintptr_t address;
        uint8_t id[ID_MAX_BYTES];
        size_t id_bytes; /* 0: none was found */
} Search;

static bool holds(const struct dl_phdr_info *object, uintptr_t address)
{
        for (size_t i = 0; i < object->dlpi_phnum; i++) {
                const ElfW(Phdr) *header = &object->dlpi_phdr[i];
                if (header->p_type == PT_LOAD && address - (object->dlpi_addr + header->p_vaddr) < header->p_memsz)
                        return true;
        }
        return false;
}

static size_t aligned(size_t size)
{
        return (size + 3) & ~(size_t) 3;
}

/* elf(5), "Notes": header, name and description, each padded to four bytes. */
static void find_in_notes(Search *search, const uint8_t *notes, size_t size)
{
        ElfW(Nhdr) note;

        for (size_t next; size >= sizeof note; notes += next, size -= next) {
                memcpy(&note, notes, sizeof note);
                size_t name = sizeof note, description = name + aligned(note.n_namesz);
                next = description + aligned(note.n_descsz);
                if (next > size)
                        return;
                if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || memcmp(notes + name, "GNU", 4) != 0 ||
                    note.n_descsz > ID_MAX_BYTES)
                        continue;
                memcpy(search->id, notes + description, note.n_descsz);
                search->id_bytes = note.n_descsz;
        }
}

static int look_at(struct dl_phdr_info *object, size_t size, void *userdata)
{
        Search *search = userdata;

        (void) size;
        if (!holds(object, search->address))
                return 0;
        for (size_t i = 0; i < object->dlpi_phnum && search->id_bytes == 0; i++) {
                const ElfW(Phdr) *header = &object->dlpi_phdr[i];
                if (header->p_type == PT_NOTE)
                        find_in_notes(search, (const uint8_t *) (object->dlpi_addr + header->p_vaddr), header->p_memsz);
        }
        return 1;
}

void library_identity(const void *address, const char *fallback, char *ret, size_t size)
{
        Search search = { .address = (uintptr_t) address };
        char hex[2 * ID_MAX_BYTES + 1];

        dl_iterate_phdr(look_at, &search);
        if (search.id_bytes > 0)
                hex_encode(search.id, search.id_bytes, hex);
        snprintf(ret, size, "%s", search.id_bytes > 0 ? hex : fallback);
}

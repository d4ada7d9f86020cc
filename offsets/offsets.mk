# offsets/make-layout and the files it makes; none of it is part of the default build.

MAKE_LAYOUT_OBJECTS := $(addprefix $(O)/obj/src/,base/buffer.o base/error.o binary/dwarf_types.o \
	binary/dwarf_open.o python/layout_fields.o python/layout_parse.o python/layout_dwarf.o)

$(O)/make-layout: $(O)/obj/offsets/make-layout.o $(MAKE_LAYOUT_OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# make layouts SOURCES=LIST: makes the .def files anew; the list of builds is described in make-defs.sh.
.PHONY: layouts
layouts: $(O)/make-layout
	$(if $(SOURCES),,$(error make layouts needs SOURCES=LIST, see offsets/README.md))
	CC='$(CC)' sh offsets/make-defs.sh $(O)/make-layout offsets < $(SOURCES)

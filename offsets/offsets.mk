# offsets/make-layout and the files it makes; none of it is part of the default build.

MAKE_LAYOUT_OBJECTS := $(addprefix $(O)/obj/src/,base/buffer.o base/error.o binary/dwarf_types.o \
	binary/dwarf_open.o python/layout_fields.o python/layout_parse.o python/layout_dwarf.o)

$(O)/make-layout: $(O)/obj/offsets/make-layout.o $(MAKE_LAYOUT_OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

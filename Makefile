# Builds the extension here (PGXS) and the other parts in their own folders.  `make help` lists the
# targets.  Nothing but `install` without DESTDIR writes outside the checkout.

PG_CONFIG ?= pg_config
SHIM_BINDIR ?= /usr/local/bin
PROVE_FLAGS ?=
TESTS ?=
SUITES ?=
export PG_CONFIG SHIM_BINDIR PROVE_FLAGS TESTS SUITES

PARTS = syncworker shim
SIMULATOR = test/instance_manager
EXTENSION = edurange
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" edurange.control)

# ---- the extension ---------------------------------------------------------------------------
MODULE_big = edurange
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c extension/*/*.c)))
# (not INSTALL_SCRIPT: PGXS has a variable of that name, the program that installs scripts)
FRESH_SCRIPT = build/edurange--$(EXTVERSION).sql
# Versions that were released: their install scripts, as they were, and the way from each to this one.
RELEASED = $(patsubst schema/released/edurange--%.sql,%,$(wildcard schema/released/*.sql))
DATA_built = $(FRESH_SCRIPT) $(RELEASED:%=build/edurange--%.sql) \
	$(RELEASED:%=build/edurange--%--$(EXTVERSION).sql)
PGFILEDESC = "edurange - database controller of EDURange Cloud"

override with_llvm = no
COMPILER_IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
PG_CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-declaration-after-statement -Wno-missing-field-initializers -fvisibility=hidden \
	$(if $(COMPILER_IS_CLANG),-Wno-unknown-warning-option \
		-Wno-ignored-optimization-argument -Wno-ignored-attributes)
# PostgreSQL 15 leaves PGDLLEXPORT empty; with hidden symbols it has to say "default".
PG_CPPFLAGS += -Iextension -Ibuild -MMD -MP '-DPGDLLEXPORT=__attribute__((visibility("default")))'
# With SHOW=yes each file that is compiled is named, where make is silent otherwise (deploy/lib.sh).
COMPILE.c = $(if $(SHOW),$(info   $<))$(CC) $(CFLAGS) $(CPPFLAGS) -c
# Also of sources that are gone or moved.
EXTRA_CLEAN = build extension/*.[do] extension/*/*.[do]

# What `make installcheck` runs, in databases that it makes.
REGRESS := $(shell sed -n 's/^test: *//p' sql/schedule 2>/dev/null)
REGRESS_OPTS = --outputdir=build/installcheck --encoding=UTF8 --no-locale
REGRESS_PREP = installcheck-ready
ISOLATION := $(shell sed -n 's/^test: *//p' test/isolation/schedule 2>/dev/null)
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/installcheck/isolation --encoding=UTF8 --no-locale

# PGXS's rules to install end with a recipe to which nothing can be added: they run in a make of their own.
ifndef INSTALLING
NO_INSTALL = yes
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
CONTRIB_TESTDB = edurange_regress
ISOLATION_TESTDB = edurange_isolation
ifdef NO_INSTALL
install: all install-parts ## install all parts (DESTDIR, SHIM_BINDIR); `make run` needs no install
	@$(MAKE) --no-print-directory INSTALLING=yes install
	@$(if $(DESTDIR),,printf '%s\n' 'installed; what follows:' \
		"  1. in postgresql.conf: shared_preload_libraries = 'edurange', and a restart of the server" \
		'  2. in the database: CREATE EXTENSION edurange; SELECT * FROM edurange.migrate();' \
		'  3. for the HTTP service: deploy/roles.sql in that database, then edurange_shim (docs/deployment.md)')
uninstall: $(PARTS:%=%-uninstall) ## remove what make install put there (the same DESTDIR, SHIM_BINDIR)
	@$(MAKE) --no-print-directory INSTALLING=yes uninstall
installdirs:
	@$(MAKE) --no-print-directory INSTALLING=yes installdirs
endif
else
# Without the server headers only the targets below work; they install what is missing.
NO_POSTGRESQL = yes
all install installcheck installdirs uninstall:
	@echo "make $@: no PostgreSQL server headers ($(PG_CONFIG)); run deploy/install-deps.sh" >&2
	@exit 1
clean:
	rm -rf $(EXTRA_CLEAN) $(OBJS) edurange.so
distclean: clean
endif

# ---- what this Makefile adds -----------------------------------------------------------------
ifndef NO_POSTGRESQL
all: parts
endif
all: ## build extension, sync worker and shim
simulator: $(SIMULATOR)-all ## build the Instance Manager simulator, for tests and `make run`
clean: clean-parts ## remove what was built, and say so

-include $(OBJS:.o=.d)
$(OBJS): build/compiler

# Objects of another compiler or server version are stale, whatever their age.
build/compiler: FORCE
	@mkdir -p build
	@{ $(PG_CONFIG) --version; $(CC) --version; } 2>/dev/null >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The names of all conditions, a row for each code.
extension/base/statement_errors.o: build/conditions.h
build/conditions.h: build/compiler
	sed -n 's/^#define ERRCODE_\([A-Z0-9_]*\) \(MAKE_SQLSTATE(.*)\)$$/\1 \2/p' \
		'$(shell $(PG_CONFIG) --includedir-server)/utils/errcodes.h' | \
		awk '!seen[$$2]++ {printf "CONDITION(%s, \"%s\")\n", $$2, tolower($$1)}' > $@.new
	mv $@.new $@

# The shapes of tables, as the migrations make them.
extension/base/shapes.o extension/base/shape_rows.o: build/shapes_of_migrations.h
build/shapes_of_migrations.h: schema/make_shapes.pl $(wildcard schema/migrations/*.sql) build/script-parts
	perl schema/make_shapes.pl > $@.new
	mv $@.new $@

# The install script: schema/extension/ in order of the file names, and between them, as numbers 80
# to 82, the migrations that edurange.migrate() applies, the JSON schemas and the list of grants.
SCRIPT_PARTS := $(wildcard schema/extension/*.sql)
$(FRESH_SCRIPT): $(SCRIPT_PARTS) $(wildcard schema/migrations/*.sql schema/*.schema.json) \
		schema/make_migrations.sh schema/make_schemas.sh schema/make_grants.pl edurange.control build/script-parts
	@rm -rf build/script && mkdir -p build/script
	cp $(SCRIPT_PARTS) build/script/
	sh schema/make_migrations.sh > build/script/80_migration_source.sql
	sh schema/make_schemas.sh > build/script/81_builtin_schema.sql
	perl schema/make_grants.pl > build/script/82_granted.sql
	LC_ALL=C; export LC_ALL; cat build/script/*.sql > $@

$(RELEASED:%=build/edurange--%.sql): build/%: schema/released/%
	@mkdir -p build
	cp $< $@
$(RELEASED:%=build/edurange--%--$(EXTVERSION).sql): build/edurange--%--$(EXTVERSION).sql: \
		schema/released/edurange--%.sql $(FRESH_SCRIPT) schema/make_update.pl
	perl schema/make_update.pl $< $(FRESH_SCRIPT) > $@

# Changes when a file comes or goes, which no time stamp of the remaining files shows.
build/script-parts: FORCE
	@mkdir -p build
	@ls schema schema/extension schema/migrations > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(PARTS:%=%-uninstall):
	$(MAKE) -C $(@:-uninstall=) uninstall
# (installcheck itself is PGXS's)
installcheck-ready:
	@test/installcheck.sh

parts: $(PARTS:%=%-all)
install-parts: $(PARTS:%=%-install)
clean-parts: clean-says $(PARTS:%=%-clean) $(SIMULATOR)-clean
$(PARTS:%=%-all) $(SIMULATOR)-all:
	$(MAKE) -C $(@:-all=) all
$(PARTS:%=%-install): %-install: %-all
	$(MAKE) -C $* install
$(PARTS:%=%-clean) $(SIMULATOR)-clean:
	@$(MAKE) -C $(@:-clean=) clean

clean-says:
	@echo "removing objects, libraries, programs and build/ (.run/ stays; make distclean removes it)"
distclean: distclean-run ## make clean, and remove the private cluster of make run with its data
distclean-run:
	@deploy/run.sh distclean

run: ## build and run everything here, until Ctrl-C; prints URL, tokens, examples
	@MAKE='$(MAKE)' exec env --default-signal=INT,QUIT deploy/run.sh run
up: ## the same in the background; returns when it is ready
	@MAKE='$(MAKE)' deploy/run.sh up
down: ## stop what make up started; the data stays
	@deploy/run.sh down
psql: ## a psql in the database that make run or make up serves
	@deploy/run.sh psql

test: ## all test suites against private servers; TESTS="points 020_" picks some
	@MAKE='$(MAKE)' test/run.sh
test-long: ## the same, with the long variants
	@MAKE='$(MAKE)' EDURANGE_LONG=1 test/run.sh
mutants: ## plant faults that tests must see, in a copy; MUTANTS="011 lock" picks some, SEED=7 draws twelve
	@MAKE='$(MAKE)' MUTANTS='$(MUTANTS)' SEED='$(SEED)' perl test/mutants/run.pl
fuzz: ## fuzz what reads requests and documents, SECONDS=60 for each target
	@MAKE='$(MAKE)' test/fuzz/run.sh $(or $(SECONDS),60)
bench: ## speed, as a table; BENCH="quick reads writes hot sessions failing lock idle feed listeners award sync cdf fresh keyed large" picks parts
	@MAKE='$(MAKE)' test/bench/run.sh
deb: ## Debian packages for the PostgreSQL of PG_CONFIG, in build/deb/
	@MAKE='$(MAKE)' deploy/deb.sh
lint: ## all that finds mistakes without running anything; LINT="format gates" picks some
	@MAKE='$(MAKE)' test/lint.sh
lint-fast: ## the same without the slow analysers, as continuous integration runs it
	@MAKE='$(MAKE)' test/lint.sh fast
docs: ## make the pages of docs/ that list errors, functions, settings and metrics
	perl docs/generate.pl
format: ## clang-format all C files in place
	clang-format -i $(sort $(filter-out %.made.c,$(foreach d,extension $(PARTS) $(SIMULATOR) test/fuzz test/hostile,$(wildcard $(d)/*.[ch] $(d)/*/*.[ch]))))

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | sort | expand -t 18

FORCE:
.PHONY: FORCE all install uninstall installdirs installcheck installcheck-ready clean distclean parts simulator install-parts clean-parts clean-says distclean-run \
	run up down psql test test-long mutants fuzz bench deb lint lint-fast docs format help \
	$(foreach p,$(PARTS) $(SIMULATOR),$(p)-all $(p)-install $(p)-uninstall $(p)-clean)

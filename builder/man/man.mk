# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Man pages: the text is in *.in, the parts about verbs and sections come out of the program's own tables.
# `make man` makes them, `make lint-man` checks them, `make install-man` installs them and the shells' completion.

MAN_PAGES  := $(BUILD)/man/templar.1 $(BUILD)/man/templar.recipe.5
datadir    ?= $(prefix)/share
mandir     ?= $(datadir)/man
INSTALL    ?= install

$(BUILD)/man/%.part: $(BIN)/templar
	$(Q)mkdir -p $(@D)
	$(Q)$(BIN)/templar help --mdoc $* > $@

$(BUILD)/man/templar.1: builder/man/templar.1.in $(BUILD)/man/verbs.part
$(BUILD)/man/templar.recipe.5: builder/man/templar.recipe.5.in $(BUILD)/man/recipe.part $(BUILD)/man/cleaning.part
$(MAN_PAGES):
	$(call say,MAN,$@)
	$(Q)sed $(foreach part,$(filter %.part,$^),-e '/^@$(basename $(notdir $(part)))@$$/{' -e 'r $(part)' -e 'd' -e '}') \
	  $(filter %.in,$^) > $@

.PHONY: man lint-man install-man
man: $(MAN_PAGES)

lint-man: man
	$(Q)! mandoc -Tlint -Wstyle $(MAN_PAGES) 2>/dev/null | grep -v 'referenced manual not found'

install-man: man
	$(INSTALL) -D -m 0644 $(BUILD)/man/templar.1 $(DESTDIR)$(mandir)/man1/templar.1
	$(INSTALL) -D -m 0644 $(BUILD)/man/templar.recipe.5 $(DESTDIR)$(mandir)/man5/templar.recipe.5
	$(INSTALL) -D -m 0644 builder/completion/templar.bash $(DESTDIR)$(datadir)/bash-completion/completions/templar
	$(INSTALL) -D -m 0644 builder/completion/templar.zsh $(DESTDIR)$(datadir)/zsh/site-functions/_templar
	$(INSTALL) -D -m 0644 builder/completion/templar.fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/templar.fish

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/clean_rules.h"

#include "stages/clean.h"

/* Name and help, in the order of the rules below. */
#define CLEAN_ENTRIES(X)                                                                                     \
        X("hostname", "Removes /etc/hostname: a machine gets its name from the host that starts it.")        \
        X("machine-id", "Leaves an empty /etc/machine-id, so that every clone makes an identity of its own.")\
        X("host-ids",                                                                                        \
          "Removes names that packages invent for one machine (NVMe, DHCP, popularity-contest), and lets "   \
          "iSCSI make its own at its first start: clones must not share them.")                              \
        X("ssh-host-keys", "Removes the SSH host keys, OpenSSH's and Dropbear's: clones must not share a secret.") \
        X("host-secrets",                                                                                    \
          "Removes other keys that packages make for one machine: BIND's rndc.key, munge.key, NetworkManager's, and " \
          "the self-signed certificate of ssl-cert (make-ssl-cert generate-default-snakeoil makes a new one).") \
        X("random-seed",                                                                                     \
          "Removes random seeds and the credential secret, which must differ from machine to machine.")      \
        X("resolv-conf", "Removes /etc/resolv.conf, which debootstrap copies from the machine that builds.") \
        X("apt-lists", "Removes the package lists: they are large and old when the image is used.")          \
        X("apt-archives", "Removes downloaded packages and apt's binary caches.")                            \
        X("dpkg-backups", "Removes the backups that dpkg, debconf and alternatives make of their databases.")\
        X("passwd-backups", "Removes /etc/passwd- and its like, which tell of accounts that are gone.")      \
        X("shadow-days",                                                                                     \
          "Sets days of password changes during the build to the build's date: the same image on any day.")  \
        X("order",                                                                                           \
          "Sorts /etc/shells and the menu of info(1), whose order depends on that in which packages were set up and " \
          "on the file system that the image was built on.")                                                 \
        X("times",                                                                                           \
          "Sets the times in the Java keystore of ca-certificates-java and in Postfix's aliases.db to the "  \
          "build's date, clears the inode number in the latter, and removes the date from mdadm.conf.")      \
        X("python-caches",                                                                                   \
          "Removes compiled Python modules that hold the time of a source file which the build has made: "   \
          "in the image that file has another time, so Python would not use them. And those in which Python " \
          "3.4 to 3.10 has written sets in a random order; the rest of that age lose marks that depend on "  \
          "chance.")                                                                                         \
        X("logs", "Removes logs; the files that record logins stay, empty.")                                 \
        X("caches", "Removes caches that hold times or inode numbers and are made again when missing.")      \
        X("tmp", "Empties /tmp, /var/tmp and /run.")                                                         \
        X("dev", "Empties /dev, which every host fills itself.")

#define ENTRY(name, help) { name, help },
#define NAME(name, help) name,

const CleanEntry clean_entries[] = { CLEAN_ENTRIES(ENTRY){ NULL, NULL } };

const char *const clean_names[] = { CLEAN_ENTRIES(NAME) NULL };

const CleanRule clean_rules[] = {
        { "hostname", CLEAN_REMOVE, "/etc", "hostname", NULL },
        { "machine-id", CLEAN_EMPTY, "/etc", "machine-id", NULL },
        { "machine-id", CLEAN_FILES, "/var/lib/dbus", "machine-id", NULL },
        { "host-ids", CLEAN_REMOVE, "/etc/nvme", "hostid", NULL },
        { "host-ids", CLEAN_REMOVE, "/etc/nvme", "hostnqn", NULL },
        { "host-ids", CLEAN_REMOVE, "/etc", "popularity-contest.conf", NULL },
        { "host-ids", CLEAN_REMOVE, "/etc/cron.d", "popularity-contest", NULL },
        { "host-ids", CLEAN_REMOVE, "/var/lib/dhcpcd", "duid", NULL },
        { "host-ids", CLEAN_REMOVE, "/var/lib/dhcpcd", "secret", NULL },
        { "host-ids", CLEAN_REWRITE, "/etc/iscsi", "initiatorname.iscsi", normalise_initiator },
        { "ssh-host-keys", CLEAN_REMOVE, "/etc/ssh", "ssh_host_*_key", NULL },
        { "ssh-host-keys", CLEAN_REMOVE, "/etc/ssh", "ssh_host_*_key.pub", NULL },
        { "ssh-host-keys", CLEAN_REMOVE, "/etc/dropbear", "dropbear_*_host_key*", NULL },
        { "host-secrets", CLEAN_REMOVE, "/etc/bind", "rndc.key", NULL },
        { "host-secrets", CLEAN_REMOVE, "/etc/munge", "munge.key", NULL },
        { "host-secrets", CLEAN_REMOVE, "/var/lib/NetworkManager", "secret_key", NULL },
        { "host-secrets", CLEAN_REMOVE, "/etc/ssl/private", "ssl-cert-snakeoil.key", NULL },
        { "host-secrets", CLEAN_REMOVE, "/etc/ssl/certs", "ssl-cert-snakeoil.pem", NULL },
        { "host-secrets", CLEAN_LINKS, "/etc/ssl/certs", "ssl-cert-snakeoil.pem", NULL },
        { "random-seed", CLEAN_REMOVE, "/var/lib/systemd", "random-seed", NULL },
        { "random-seed", CLEAN_REMOVE, "/var/lib/systemd", "credential.secret", NULL },
        { "random-seed", CLEAN_REMOVE, "/var/lib/urandom", "random-seed", NULL },
        { "random-seed", CLEAN_REMOVE, "/var/lib", "random-seed", NULL },
        { "resolv-conf", CLEAN_FILES, "/etc", "resolv.conf", NULL },
        { "apt-lists", CLEAN_REMOVE, "/var/lib/apt/lists", "*", NULL },
        { "apt-archives", CLEAN_FILES, "/var/cache/apt/archives", "*", NULL },
        { "apt-archives", CLEAN_REMOVE, "/var/cache/apt", "*.bin", NULL },
        { "dpkg-backups", CLEAN_REMOVE, "/var/lib/dpkg", "*-old", NULL },
        { "dpkg-backups", CLEAN_REMOVE, "/var/cache/debconf", "*-old", NULL },
        { "dpkg-backups", CLEAN_REMOVE, "/var/backups", "*", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "passwd-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "group-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "shadow-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "gshadow-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "subuid-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", "subgid-", NULL },
        { "passwd-backups", CLEAN_REMOVE, "/etc", ".pwd.lock", NULL },
        { "shadow-days", CLEAN_REWRITE, "/etc", "shadow", normalise_shadow },
        { "order", CLEAN_REWRITE, "/etc", "shells", normalise_shells },
        { "order", CLEAN_REWRITE, "/usr/share/info", "dir", normalise_info_menu },
        { "order", CLEAN_REMOVE, "/usr/share/info", "dir.old", NULL },
        { "times", CLEAN_REWRITE, "/etc/ssl/certs/java", "cacerts", normalise_keystore },
        { "times", CLEAN_REWRITE, "/etc", "aliases.db", normalise_aliases },
        { "times", CLEAN_REWRITE, "/etc/mdadm", "mdadm.conf", normalise_mdadm },
        { "python-caches", CLEAN_PYTHON, "/", "*.pyc", NULL },
        { "logs", CLEAN_REMOVE, "/var/log/journal", "*", NULL },
        { "logs", CLEAN_TRUNCATE, "/var/log", "wtmp", NULL },
        { "logs", CLEAN_TRUNCATE, "/var/log", "btmp", NULL },
        { "logs", CLEAN_TRUNCATE, "/var/log", "lastlog", NULL },
        { "logs", CLEAN_TRUNCATE, "/var/log", "faillog", NULL },
        { "logs", CLEAN_FILES, "/var/log", "*", NULL },
        { "caches", CLEAN_REMOVE, "/var/cache/ldconfig", "*", NULL },
        { "caches", CLEAN_FILES, "/var/cache/man", "*", NULL },
        { "caches", CLEAN_FILES, "/var/cache/fontconfig", "*", NULL },
        { "caches", CLEAN_REMOVE, "/root/.cache", "*", NULL },
        { "tmp", CLEAN_REMOVE, "/tmp", "*", NULL },
        { "tmp", CLEAN_REMOVE, "/var/tmp", "*", NULL },
        { "tmp", CLEAN_REMOVE, "/run", "*", NULL },
        { "dev", CLEAN_REMOVE, "/dev", "*", NULL },
};

const size_t clean_n_rules = ELEMENTS(clean_rules);

#!/bin/sh
# Makes a freshly installed Debian tree ($1) a guest: on the host, as root of that tree. $2: guest-init. $3: the image's file. $4: its size in MiB.
set -e
tree=$1
cp "$2" "$tree/usr/sbin/guest-init"
chmod 755 "$tree/usr/sbin/guest-init"
echo guest > "$tree/etc/hostname"
echo '127.0.0.1 localhost guest' > "$tree/etc/hosts"
: > "$tree/etc/resolv.conf"
mkdir -p "$tree/root" "$tree/usr/local/sbin"

# `git am` needs a committer, and source folders may belong to anybody.
cat > "$tree/etc/gitconfig" <<'CONFIG'
[user]
	name = Grapevine
	email = grapevine@localhost
[safe]
	directory = *
[init]
	defaultBranch = main
CONFIG

# What a minimal Debian lacks and busybox has.
for applet in hwclock poweroff reboot halt ip ifconfig ps free lsmod insmod rmmod; do
  found=
  for folder in bin sbin usr/bin usr/sbin; do
    [ -e "$tree/$folder/$applet" ] && found=1
  done
  [ "$found" ] || ln -sf /bin/busybox "$tree/usr/local/sbin/$applet"
done

# The mirror and the proxy are the host's matter, and the guest has no network.
rm -rf "$tree/etc/apt/apt.conf.d/99mmdebstrap" "$tree/var/cache/apt" "$tree"/var/lib/apt/lists/*
mke2fs -q -t ext4 -m 0 -O ^has_journal -E root_owner=0:0,lazy_itable_init=0 -d "$tree" "$3" "$4M"
chmod 644 "$3"

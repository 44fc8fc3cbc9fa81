#!/bin/busybox sh
# First process of every guest, from the initial memory file system: loads the modules, then becomes /sbin/guest-init of the root disk, or here.
export PATH=/usr/sbin:/usr/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
  busybox insmod "$module" || echo "guest: $module was not loaded"
done

root=
for word in $(busybox cat /proc/cmdline); do
  case $word in root=*) root=${word#root=} ;; esac
done
[ -z "$root" ] && exec /sbin/guest-init

# The disk appears some time after its driver.
tries=0
until [ -b "$root" ]; do
  tries=$((tries + 1))
  [ $tries -gt 300 ] && echo "guest: there is no $root" && exit 1
  busybox usleep 100000
done
busybox mkdir -p /disk
busybox mount -t ext4 -o rw,noatime "$root" /disk || exit 1
for place in dev sys proc; do
  busybox mount --move /$place /disk/$place
done
exec busybox switch_root /disk /sbin/guest-init

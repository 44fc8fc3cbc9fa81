#!/bin/sh
# The guest's only service: mounts what programs expect, then keeps the guest agent running. /proc, /sys and /dev are there already.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 TERM=dumb TZ=UTC
cd /root
umask 022

mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mkdir -p /run/lock /run/qemu-ga /dev/virtio-ports
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
echo guest > /proc/sys/kernel/hostname
busybox ifconfig lo 127.0.0.1 up

# busybox's poweroff, halt and reboot only ask process 1.
trap 'sync; echo o > /proc/sysrq-trigger' USR1 USR2
trap 'sync; echo b > /proc/sysrq-trigger' TERM

# The kernel learns a port's name some time after the port is there.
link_ports() {
  for port in /sys/class/virtio-ports/*; do
    read -r name < "$port/name" && [ -n "$name" ] && ln -sf "/dev/${port##*/}" "/dev/virtio-ports/$name"
  done 2> /dev/null
  for name in org.qemu.guest_agent.0 grapevine.log grapevine.stream; do
    [ -c "/dev/virtio-ports/$name" ] || return 1
  done
}
tries=0
until link_ports; do
  tries=$((tries + 1))
  [ $tries -gt 300 ] && echo "guest: not all virtio-serial ports are there" && break
  busybox usleep 100000
done

while :; do
  qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run/qemu-ga &
  wait $!
  echo "guest: the agent ended ($?) and is started again"
  busybox usleep 500000
done

// Which programs of the host the farm runs, and which distribution packages hold them. Set-up and doctor go by this list.

export type HostPackage = {
  command: string
  package: string
  /** Only an ordinary user needs it; root does without. */
  unlessRoot?: true
}

/** apt-get, dpkg-deb, flock and tar are not listed: no Debian or Ubuntu is without them. */
export const hostPackages: HostPackage[] = [
  { command: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  { command: 'qemu-img', package: 'qemu-utils' },
  { command: 'mmdebstrap', package: 'mmdebstrap' },
  { command: 'mke2fs', package: 'e2fsprogs' },
  { command: 'depmod', package: 'kmod' },
  { command: 'cpio', package: 'cpio' },
  { command: 'xz', package: 'xz-utils' },
  { command: 'cc', package: 'gcc' },
  { command: 'newuidmap', package: 'uidmap', unlessRoot: true },
]

export const packageOf = (command: string): string | undefined =>
  hostPackages.find(one => one.command === command)?.package

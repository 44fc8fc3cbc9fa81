// A guest with work in its memory: six tenths of it hold something that is not zero.
export const touchMemory = (memoryMiB: number): string => {
  const pieces = Math.floor((memoryMiB * 0.6) / 16)
  return [
    'mount -o remount,size=95% /dev/shm && cd /dev/shm && head -c 16777216 /dev/urandom > piece || exit 1',
    `for n in $(seq ${pieces}); do cat piece; done > touched && rm piece`,
  ].join('\n')
}

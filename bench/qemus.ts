// The QEMU processes of a farm, by the token on their command line.
import { readdirSync } from 'node:fs'
import { ownerOf } from '../src/farm/owner.ts'

export const qemusOf = (token: string): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => ownerOf(pid)?.token === token)

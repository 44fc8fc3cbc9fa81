// Which way of speaking fits a guest's system.
import type { GuestOs } from '../../config/config.ts'
import { linux } from './linux.ts'
import type { GuestSystem } from './speech.ts'
import { windows } from './windows.ts'

const systems: Record<GuestOs, GuestSystem> = { linux, windows }

export const systemFor = (os: GuestOs): GuestSystem => systems[os]

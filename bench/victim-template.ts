// The template of bench/victim.ts and bench/kills.ts.
export const asBooted = { label: 'busybox', image: 'busybox', content: 'as booted', files: [], prepare: [] }

/** Capabilities by their bit, as include/uapi/linux/capability.h numbers them. */

const names = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
].map((name) => `CAP_${name}`)

const bits = new Map(names.map((name, bit) => [name, bit]))

/** What every kernel since 3.16 has; newer ones were split off CAP_SYS_ADMIN. */
export const everyCapability: readonly string[] = names.slice(0, 38)

export function capabilityNames(set: bigint): string[] {
  const found: string[] = []
  for (let bit = 0; bit < 64; bit++) if ((set >> BigInt(bit)) & 1n) found.push(names[bit] ?? `CAP_${bit}`)
  return found
}

/** In the kernel's order, each once; names that this list does not have come last. */
export function sortCapabilities(declared: readonly string[]): string[] {
  const rank = (name: string): number => bits.get(name) ?? names.length
  return [...new Set(declared)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

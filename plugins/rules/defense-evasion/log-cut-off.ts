import { defineRule, need, programPath, quote } from 'salvor'
import openFiles from '../../files/open-files.js'

/** Where logs are kept, and what containers write. */
const LOG =
  /^\/var\/log\/|\/containers\/[0-9a-f]{64}\/[0-9a-f]{64}-json\.log|\.(?:log|journal)$|\/\.(?:bash|zsh|ash|python|mysql|psql)_history$/
/** Write and both, of O_ACCMODE (include/uapi/asm-generic/fcntl.h). */
const ACCESS = 3

export default defineRule({
  name: 'log-cut-off',
  title: 'A log is shorter than what was written to it, or is deleted while it is written',
  means:
    'Whoever writes to it stands behind its end: somebody cut it off, or deleted it, to be rid of what it said. So does ' +
    'logrotate where it copies a log and cuts it (copytruncate), for a moment.',
  next: [
    'Extract what is left of it with extract, and look for older copies and for lines in the memory of its writer',
    'See in timeline when it was changed, and in shell-history who emptied it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1070.002'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(openFiles) },
  *find({ files }) {
    const told = new Set<string>()
    for (const file of files.where('type', 'file')) {
      const path = programPath(file.path)
      if (file.flags === null || (Number.parseInt(file.flags, 8) & ACCESS) === 0 || !LOG.test(path)) continue
      const { position, size, deleted } = file
      const isCut = position !== null && size !== null && BigInt(position) > BigInt(size)
      const place = `${file.device} ${file.inode}`
      if ((!isCut && deleted !== true) || told.has(place)) continue
      told.add(place)
      yield {
        about: file,
        summary: `${quote(file.comm)} writes to ${quote(path)}, which ${isCut ? `ends at ${size} bytes, at ${position}` : 'is deleted'}`,
        evidence: [file],
      }
    }
  },
})

import { address, bytes, defineAnalyzer, option, scan, text } from 'salvor'
import { pageColumns, searchHits } from 'salvor/containers'

const SCOPE = ['process', 'in_container', 'path'] as const

export default defineAnalyzer({
  name: 'search',
  aliases: ['find', 'grep', 'strings-in', 'vmaregexscan'],
  summary: 'Texts, bytes and regular expressions in memory, with what each place is and who pays for it',
  description:
    'In all of physical memory, or as far as it is asked for in that of processes, containers and files. In physical ' +
    'memory a text that goes over the end of a page is found only if the next one lies behind it. What an ' +
    'expression finds has 4 KiB at most.',
  torn: 'each hit is where the row says; what its page was at that moment may differ.',
  examples: [
    { command: "salvor search memory.elf --text 'BEGIN OPENSSH PRIVATE KEY'", what: 'a text, wherever it is' },
    {
      command: "salvor search memory.elf --regex 'AKIA[0-9A-Z]{16}' --in-container shop-web-1",
      what: 'in a container',
    },
    { command: "salvor search memory.elf --hex '7f 45 4c 46 02 ?? 01' --path '/dev/shm/*'", what: 'bytes, in files' },
  ],
  options: {
    text: option.list('Text to look for, in UTF-8', { example: 'passwd' }),
    hex: option.list('Bytes in hexadecimal; ? is any digit, [2-4] so many bytes', { example: '48 8b ?? [2-4] c3' }),
    regex: option.list('Regular expression of bytes', { example: '(?i)password=\\S+' }),
    process: option.list('Only in the memory of this process', { example: '1595' }),
    in_container: option.list("Only in the memory of this container's processes, by name or id", {
      example: 'shop-web-1',
    }),
    path: option.list(
      'Only in what is in memory of this file or files below it; or of this pattern: * and ? within a name, ** over folders',
      { example: '/etc/cron.d' },
    ),
    context: option.count('Bytes shown before and after each hit', { default: 16, most: 1024 }),
    most: option.count('Hits that are shown', { default: 10_000, least: 1, most: 1 << 18 }),
  },
  asks: ['text', 'hex', 'regex'],
  scans: {
    found: scan.bytes({
      patterns: scan.given('text', SCOPE),
      hex: scan.given('hex', SCOPE),
      expressions: scan.given('regex', SCOPE),
    }),
  },
  columns: {
    physical: address('Physical address'),
    pattern: text('What was looked for', { detail: true }),
    match: text('What was found, with what does not print as dots'),
    length: bytes('How long it is', { detail: true }),
    ...pageColumns,
    context: text('Bytes around it in its page, with what does not print as dots', { detail: true }),
  },
  async *run({ kernel, scans, options }) {
    const { text, hex, regex, context, most } = options
    const asked = { kind: 'bytes', patterns: [...text, ...hex.map((hex) => ({ hex }))], expressions: regex } as const
    yield searchHits(kernel, asked, [...text, ...hex, ...regex], scans.found, options, { context, most })
  },
})

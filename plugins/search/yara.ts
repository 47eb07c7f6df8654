import { address, bytes, defineAnalyzer, option, text } from 'salvor'
import { pageColumns, yaraHits } from 'salvor/containers'

export default defineAnalyzer({
  name: 'yara',
  aliases: ['yarascan', 'vmayarascan'],
  summary: 'Where YARA rules hold in memory, with what each place is and who pays for it',
  description:
    'Rules are held against all of physical memory, as one; or as far as that is asked for against the memory of each ' +
    'process, as the process sees it, or what is in memory of each file. It needs an addon: `npm run build:yara`. Rules ' +
    'that include others are refused, and what matches has 64 KiB at most to be found wherever it lies.',
  torn: 'each place is where the row says; what its page was at that moment may differ.',
  examples: [
    { command: 'salvor yara memory.elf --rules miners.yar', what: 'in all of memory' },
    {
      command: 'salvor yara memory.elf --rules miners.yar --in-container shop-cache-1',
      what: "in a container's processes",
    },
    { command: "salvor yara memory.elf --rules shells.yar --path '**/var/www'", what: 'in files' },
  ],
  options: {
    rules: option.file('File of YARA rules'),
    process: option.list('Only in the memory of this process', { example: '1595' }),
    in_container: option.list("Only in the memory of this container's processes, by name or id", {
      example: 'shop-web-1',
    }),
    path: option.list(
      'Only in what is in memory of this file or files below it; or of this pattern: * and ? within a name, ** over folders',
      { example: '/etc/cron.d' },
    ),
    most: option.count('Places that are shown', { default: 10_000, least: 1, most: 1 << 18 }),
  },
  asks: ['rules'],
  columns: {
    rule: text('Name of the rule'),
    pattern: text('Name of the string in the rule that matches; null where the condition asks for none', {
      detail: true,
    }),
    match: text('What matches, with what does not print as dots'),
    length: bytes('How long it is', { detail: true }),
    physical: address('Physical address'),
    ...pageColumns,
  },
  async *run({ kernel, options }) {
    if (options.rules === null) return
    const text = new TextDecoder().decode(await options.rules.read())
    yield yaraHits(kernel, { name: options.rules.path, text }, options, options.most)
  },
})

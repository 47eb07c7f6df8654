// The pages of docs/analyzers/: everything in them comes from the declarations.
import { analyzerCommand } from '../../dist/src/cli/commands/analyzer.js'
import { areasOf, capitalized } from '../../dist/src/cli/help.js'
import { ownOptions } from '../../dist/src/cli/own-options.js'

const MADE = '<!-- Made by `npm run docs` from the declaration of the analyzer: change it there. -->'

/** A bar would end the cell of a table. */
function cell(text) {
  return text.replaceAll('|', '\\|')
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)]
}

function section(title, lines) {
  return lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines]
}

function optionRows(analyzer) {
  return ownOptions(analyzer).map(({ name, value, summary }) => [
    `\`--${name}${value === undefined ? '' : ` ${value}`}\``,
    cell(summary),
  ])
}

function columnRows(columns) {
  return Object.entries(columns).map(([name, { type, description, detail }]) => [
    `\`${name}\``,
    type,
    `${cell(description)}${detail === true ? ' *' : ''}`,
  ])
}

function facts({ aliases = [], key, needs = {}, single }) {
  const names = (list) => list.map((name) => `\`${name}\``).join(', ')
  const needed = [...new Set(Object.values(needs).map(({ analyzer }) => analyzer))]
  return [
    ...(aliases.length === 0 ? [] : [`Also called ${names(aliases)}.`]),
    ...(single === true ? ['One row for each image.'] : []),
    ...(key === undefined ? [] : [`A row is found again in another image of the same boot by ${names(key)}.`]),
    ...(needed.length === 0 ? [] : [`Made from the tables ${names(needed)}.`]),
  ]
}

/** The page of one analyzer. */
export function pageOf(analyzer) {
  const { name, summary, examples = [], columns } = analyzer
  const { description } = analyzerCommand(analyzer)
  const options = optionRows(analyzer)
  const details = Object.values(columns).some(({ detail }) => detail === true)
  return `${[
    MADE,
    '',
    `# ${name}`,
    '',
    `${summary}.`,
    ...(description === undefined ? [] : ['', description]),
    ...facts(analyzer).flatMap((fact) => ['', fact]),
    ...section(
      'Examples',
      examples.flatMap(({ command, what }) => [`- \`${command}\`: ${what}`]),
    ),
    ...section('Options', options.length === 0 ? [] : table(['option', 'meaning'], options)),
    ...section('Columns', [
      ...table(['column', 'type', 'meaning'], columnRows(columns)),
      ...(details
        ? ['', '\\* in a table for people only with `--wide` or `--columns`; in every other format always.']
        : []),
    ]),
  ].join('\n')}\n`
}

function inArea(analyzers, area) {
  return analyzers.filter((analyzer) => analyzer.area === area)
}

/** The page that lists them all. */
export function indexPage(analyzers) {
  const areas = areasOf(analyzers).flatMap((area) =>
    section(
      capitalized(area),
      table(
        ['analyzer', 'one row for each, or what it gives', 'also called'],
        inArea(analyzers, area).map(({ name, summary, aliases = [] }) => [
          `[\`${name}\`](${name}.md)`,
          cell(summary),
          aliases.map((alias) => `\`${alias}\``).join(', '),
        ]),
      ),
    ),
  )
  return `${[MADE, '', '# Analyzers', ...areas].join('\n')}\n`
}

/** What README says of them: a line for each area. */
export function readmeTable(analyzers) {
  const rows = areasOf(analyzers).map((area) => [
    area,
    inArea(analyzers, area)
      .map(({ name }) => `[\`${name}\`](docs/analyzers/${name}.md)`)
      .join(', '),
  ])
  return `${table(['area', 'analyzers'], rows).join('\n')}\n`
}

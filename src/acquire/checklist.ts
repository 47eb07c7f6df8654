/** A plan as the page that a responder works through. */

import { wrap } from '../output/wrap.js'
import type { Plan, Privilege, Step } from './plan.js'
import type { PlanRequest } from './request.js'

const WIDTH = 118

/** A text in which nothing is markup. Steps have code between backticks, which stay. */
function prose(text: string): string {
  return text.replace(/[<>*_[\]|]/g, '\\$&')
}

function bullet(text: string, mark = '-'): string[] {
  const [first = '', ...others] = wrap(prose(text), WIDTH - 2)
  return [`${mark} ${first}`, ...others.map((line) => `  ${line}`)]
}

/** Lines that no line of them closes. */
function code(lines: readonly string[]): string[] {
  const longest = Math.max(
    0,
    ...(lines
      .join('\n')
      .match(/`+/g)
      ?.map(({ length }) => length) ?? []),
  )
  const fence = '`'.repeat(Math.max(3, longest + 1))
  return ['', `${fence}sh`, ...lines, fence]
}

function stepLines({ what, commands = [], notes = [] }: Step, index: number): string[] {
  return [
    '',
    `### ${index + 1}. ${prose(what)}`,
    ...(commands.length === 0 ? [] : code(commands)),
    ...(notes.length === 0 ? [] : ['', ...notes.flatMap((note) => bullet(note))]),
    '',
    '- [ ] done, at (UTC):            by:',
  ]
}

function privilegeLines({ what, why, without }: Privilege): string[] {
  return bullet(`${what}: ${why}. Without it: ${without}.`)
}

export function checklist(plan: Plan, request: PlanRequest): string {
  const lines = [
    `# Acquisition of ${prose(plan.title)}`,
    '',
    ...wrap(
      `Case ${request.case}. What is lost first comes first: memory, then what containers hold, then what is recorded, ` +
        'then disks. Do not log in to look around before memory is taken, and write down each thing that you do with its time.',
      WIDTH,
    ),
    '',
    '## Steps',
    ...plan.steps.flatMap(stepLines),
    '',
    `### ${plan.steps.length + 1}. Prove that what arrived is what was taken`,
    ...code([
      'salvor acquire verify FOLDER    # or one manifest; --sha256 with the hash that the capture printed',
      'salvor info FOLDER/IMAGE        # a kernel is found in it, and how torn it is',
    ]),
    '',
    ...bullet(
      'Copy bucket or volume to the folder first. Exit code 0: all as it was captured; 3: something is not what its manifest says; ' +
        '5: something is missing or was not taken whole.',
    ),
    '',
    '- [ ] done, at (UTC):            by:',
    '',
    '## Rights that this asks for, and why',
    '',
    ...plan.privileges.flatMap(privilegeLines),
    '',
    '## What it cannot do',
    '',
    ...plan.limits.flatMap((limit) => bullet(limit)),
    '',
    '## When it is over',
    '',
    ...bullet(
      'Delete what the plan made (namespace, roles, documents, Secrets), and take back protection, taints and suspended processes.',
    ),
    ...bullet('A credential that the host could reach is known to whoever held the host: replace it.'),
    '',
  ]
  return lines.join('\n')
}

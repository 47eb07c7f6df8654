/** Planned commands of the AWS CLI, held to the services' models that it is made from. */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { full, planned } from './plans.js'

const script = fileURLToPath(new URL('aws_commands.py', import.meta.url))
const python = (...args: string[]) => spawnSync('python3', args, { encoding: 'utf8' }).status === 0

interface Answer {
  readonly checked: string[]
  readonly faults: string[]
}

function held(scripts: Readonly<Record<string, string>>): Answer {
  const { status, stdout, stderr } = spawnSync('python3', [script], {
    input: JSON.stringify(scripts),
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout) as Answer
}

test('every planned command of AWS is one that there is, with its parameters and answers', { timeout: 120_000 }, ({
  skip,
}) => {
  skip(!python('-c', 'import botocore'), 'botocore is not installed (pip install botocore)')
  const scripts = Object.fromEntries(
    Object.keys(full).flatMap((target) => planned(target).map(({ name, content }) => [`${target}/${name}`, content])),
  )
  const { checked, faults } = held(scripts)
  expect(faults).toEqual([])
  expect(checked.length).toBeGreaterThanOrEqual(20)
  // It does see what is wrong.
  const wrong = held({
    x: "aws ec2 describe-nothing\naws ec2 create-snapshot --volume v\naws ec2 describe-volumes --query 'Disks[].Id'",
  })
  expect(wrong.faults).toEqual([
    'x: aws ec2 describe-nothing: there is no such operation',
    'x: aws ec2 create-snapshot: there is no parameter --volume',
    'x: aws ec2 create-snapshot: it needs --volume-id',
    'x: aws ec2 describe-volumes: its answer has no Disks',
  ])
})

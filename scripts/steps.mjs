// The steps from a checkout to a build; each is skipped where its result is there and fits the sources.
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { indexRules } from './index-rules.mjs'
import { fail, needTools, root, run, tool, unlessFresh } from './lib.mjs'

async function must(what, command, args, options) {
  const { code } = await run(command, args, options)
  if (code !== 0) fail(`${what} failed (${command} ended with ${code})`)
}

export async function install() {
  const step = {
    stamp: 'node_modules/.salvor-stamp',
    inputs: ['package.json', 'package-lock.json'],
    outputs: ['node_modules/.package-lock.json'],
  }
  await unlessFresh(step, () => must('installing packages', 'npm', ['ci', '--no-audit', '--no-fund']))
}

/** Removes addons of earlier builds, so that none is loaded by mistake. */
function removeAddons() {
  for (const name of readdirSync(join(root, 'native'))) {
    if (name.endsWith('.node')) rmSync(join(root, 'native', name))
  }
}

export async function buildNative() {
  const step = {
    stamp: 'native/target/salvor-stamp',
    inputs: ['native/Cargo.toml', 'native/Cargo.lock', 'native/build.rs', 'native/src', 'package-lock.json'],
    outputs: ['native/index.cjs', 'native/index.d.ts'],
  }
  await unlessFresh(step, () => {
    removeAddons()
    const paths = [
      '--manifest-path',
      'native/Cargo.toml',
      '--package-json-path',
      'package.json',
      '--output-dir',
      'native',
    ]
    const flags = ['--release', '--platform', '--js', 'index.cjs', '--dts', 'index.d.ts']
    return must('building the native core', tool('napi'), ['build', ...flags, ...paths])
  })
}

/** The addon for YARA rules, which nothing else waits for. */
export async function buildYara() {
  const step = {
    stamp: 'native-yara/target/salvor-stamp',
    inputs: ['native-yara/Cargo.toml', 'native-yara/Cargo.lock', 'native-yara/src', 'native/src', 'package-lock.json'],
    outputs: ['native-yara/index.cjs', 'native-yara/index.d.ts'],
  }
  await unlessFresh(step, () => {
    const paths = [
      '--manifest-path',
      'native-yara/Cargo.toml',
      '--package-json-path',
      'native-yara/package.json',
      '--output-dir',
      'native-yara',
    ]
    const flags = ['--release', '--platform', '--js', 'index.cjs', '--dts', 'index.d.ts']
    return must('building the addon for YARA', tool('napi'), ['build', ...flags, ...paths])
  })
}

export async function buildTypeScript() {
  indexRules()
  const step = {
    stamp: 'dist/salvor-stamp',
    inputs: ['src', 'plugins', 'bin', 'tsconfig.json', 'package.json', 'package-lock.json', 'scripts'],
    outputs: [
      'dist/src/doors/salvor.js',
      'dist/bundle/cli.cjs',
      'dist/bundle/plugins/index.json',
      'dist/bundle/report.html',
      'dist/bundle/cli.cjs.code',
    ],
  }
  await unlessFresh(step, async () => {
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    await must('compiling TypeScript', tool('tsc'), ['--project', 'tsconfig.json'])
    await must('bundling', process.execPath, ['scripts/bundle.mjs'])
    // What is read as it is.
    for (const folder of ['src/case/queries', 'src/acquire/templates']) {
      cpSync(join(root, folder), join(root, 'dist/bundle', basename(folder)), { recursive: true })
    }
    await must('indexing the plugins', process.execPath, ['scripts/index-plugins.mjs'])
    await must('compiling the bundle', process.execPath, ['scripts/compile.mjs'])
  })
}

/** Whatever is missing or stale, from a fresh checkout on. */
export async function prepare() {
  needTools()
  await install()
  await buildNative()
  await buildTypeScript()
}

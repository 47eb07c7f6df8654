/** The door `salvor`: what declares an analyzer and its table, and what opens an image in a program of one's own. */

import type { Image, OpenImageOptions } from '../engine/open.js'

export {
  type Analyzer,
  type CommonContext,
  type Declaration,
  defineAnalyzer,
  type Example,
  type FileContext,
  type ImageContext,
  type RunContext,
} from '../api/analyzer.js'
export type { Artifact, Artifacts, ArtifactWriter } from '../api/artifacts.js'
export {
  address,
  artifact,
  bytes,
  type Column,
  type ColumnOptions,
  type Columns,
  type ColumnType,
  count,
  flag,
  integer,
  list,
  type Meaning,
  type Row,
  record,
  text,
  time,
  type Value,
} from '../api/columns.js'
export { type Need, type Needs, need, type OptionalTable, optional } from '../api/needs.js'
export {
  type ChoiceOption,
  type CountOption,
  type FileOption,
  type FilesOption,
  type FlagOption,
  fromOption,
  type HandedOn,
  type ListOption,
  type Option,
  type Options,
  type OptionsRead,
  option,
  type TextOption,
} from '../api/options.js'
export {
  type Confidence,
  defineRule,
  type Finding,
  type Known,
  type KnownContainer,
  needsOf,
  type Rule,
  type RuleDeclaration,
  type RuleTable,
  type RuleTables,
  type Severity,
  type Subject,
  type Tactic,
} from '../api/rule.js'
export {
  type BytesScan,
  type FromOption,
  type Pattern,
  type Places,
  type Scan,
  type Scans,
  scan,
  type TaskScan,
} from '../api/scans.js'
export { type EvidenceFile, type FileSource, file } from '../api/source.js'
export { type Batch, Rows, Table } from '../api/table.js'
export { append } from '../append.js'
export { givesNodeAway, isRuntimeSocket } from '../containers/exposure/node-places.js'
export type { Image, ImageTable, OpenImageOptions, TableOptions } from '../engine/open.js'
export { isAgent, isDebugger } from '../findings/agents.js'
export { type ChangedFile, changedFiles, changeFinding } from '../findings/changed-files.js'
export { compilesAtRunTime } from '../findings/compilers.js'
export { type Contact, contactFinding, contactsOf } from '../findings/contacts.js'
export { declaredMounts } from '../findings/declared-mounts.js'
export { detailNumber, detailText, detailTexts, lacksRecords } from '../findings/held-evidence.js'
export { helperPlace } from '../findings/helper-paths.js'
export { firstOfHost, isEngine, isEngineBeside, type Placed } from '../findings/host.js'
export { ancestorsOf, entryOf, mayBeOrphan } from '../findings/lineage.js'
export { missingFrom } from '../findings/lists.js'
export {
  isDropped,
  isInstalled,
  isInterpreter,
  isOddPlace,
  isShell,
  programName,
  programPath,
} from '../findings/programs.js'
export { quote, quoteSome } from '../findings/quote.js'
export { isRuntimeStep, runtimeCopy } from '../findings/runtime-copies.js'
export { isYoung, lessIfTorn, lessIfYoung } from '../findings/torn.js'
export { severityOfTyped, signsOfTyped } from '../findings/typed.js'
export { type UpperLayer, upperLayers } from '../findings/upper-layers.js'
export { userNetwork } from '../findings/user-networks.js'
export { isoTime } from '../iso-time.js'
export { optionError } from '../option-error.js'
export { pathFits } from '../path-pattern.js'
export type { Warning } from '../warning.js'

/** Opens an image for a program. Analyzers have their kernel already, and do not pay for what this loads. */
export async function open(path: string, options: OpenImageOptions = {}): Promise<Image> {
  const [{ openImage }, { Registry }] = await Promise.all([
    import('../engine/open.js'),
    import('../engine/registry.js'),
  ])
  return openImage(path, Registry.builtin(), options)
}

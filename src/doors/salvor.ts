/** The door `salvor`: what declares an analyzer and its table. */
export {
  type Analyzer,
  type Declaration,
  defineAnalyzer,
  type Example,
  type RunContext,
  type ScanName,
} from '../api/analyzer.js'
export {
  address,
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
export { type Batch, Rows, Table } from '../api/table.js'
export { isoTime } from '../iso-time.js'
export type { Warning } from '../warning.js'

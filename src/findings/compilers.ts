/** Programs that make code at run time: their memory looks like injected code, and is not. */

import { programName } from './programs.js'

interface Running {
  readonly exe: string | null
  readonly args: readonly string[] | null
  readonly comm: string | null
}

interface Loaded {
  readonly path: string | null
}

const PROGRAMS =
  /^(?:java|node|nodejs|bun|deno|electron|chrome|chromium|firefox|thunderbird|dotnet|mono(?:-sgen)?|pwsh|luajit|qemu-[\w-]+|gjs|polkitd|gnome-shell|php(?:-fpm)?[\d.]*|ruby[\d.]*|julia|erl(?:exec)?|beam\.smp|envoy|wasmtime|wasmer|sbcl|code|openresty|nginx|postgres|clickhouse(?:-server)?|mysqld|mongod|redis-server|suricata|snort|haproxy|pypy[\d.]*|python[\d.]*|prometheus|R|ghc[\w.-]*)$/
const LIBRARIES =
  /\/lib(?:jvm|coreclr|clrjit|mono[\w.-]*|v8[\w.-]*|node|luajit[\w.-]*|pcre[\w.-]*|LLVM[\w.-]*|ffi|mozjs[\w.-]*|javascriptcoregtk[\w.-]*|Qt\dQml|gallium[\w.-]*|webkit[\w.-]*|wasmtime|ruby[\w.-]*|julia[\w.-]*|orc[\w.-]*|nvidia[\w.-]*|cuda[\w.-]*|hs[\w.-]*|xdp|tcc|lightning|gccjit)(?:\.so|-)/

/** Memory that .NET and libffi map twice, to write it in one place and execute it in the other. */
const MAPPED_TWICE = /^\/?memfd:(?:doublemapper|libffi)/

/** Whether a program is known to make code at run time, by its file or by a library that does it. */
export function compilesAtRunTime(process: Running, libraries: readonly Loaded[]): boolean {
  const isLoaded = ({ path }: Loaded) => path !== null && (LIBRARIES.test(path) || MAPPED_TWICE.test(path))
  return PROGRAMS.test(programName(process)) || libraries.some(isLoaded)
}

// A Windows guest by its agent alone: PowerShell 5, which every Windows since 10 and Server 2016 has, and the tar.exe that came in 2018.
import type { AgentDialect, Tail } from './dialect.ts'
import type { AgentPort, Program } from './port.ts'
import { runProgram } from './program.ts'

const folder = 'C:\\ProgramData\\Grapevine'
const pullBytes = 1 << 20
const powershell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'

/** In base64 nothing needs to be quoted, neither for PowerShell nor for the agent that puts a command line together. */
const ps = (script: string): Program => ({
  path: powershell,
  args: [
    ...['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand'],
    Buffer.from(
      `$ProgressPreference = 'SilentlyContinue'; $ErrorActionPreference = 'Stop'\n${script}`,
      'utf16le',
    ).toString('base64'),
  ],
  env: [],
})

/** A text as PowerShell reads it (about_Quoting_Rules): in single quotes only they are special, and PowerShell takes typographic ones for them. */
const quoted = (text: string): string => `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`

const measured = (path: string): string =>
  `if (-not (Test-Path -LiteralPath ${quoted(path)} -PathType Leaf)) { [Console]::Error.WriteLine('there is no file ' + ${quoted(path)}); exit 1 }
'{0} {1}' -f (Get-Item -Force -LiteralPath ${quoted(path)}).Length, (Get-FileHash -LiteralPath ${quoted(path)} -Algorithm SHA256).Hash.ToLower()`

/** Windows lets nobody open a file that the agent holds for reading while another writes to it, so each pull is a program of its own,
 *  which allows it. */
const tail = async (port: AgentPort, path: string, span: number): Promise<Tail> => {
  let offset = 0
  return {
    pull: async () => {
      const said = await runProgram(
        port,
        ps(`if (Test-Path -LiteralPath ${quoted(path)}) {
$file = [IO.File]::Open(${quoted(path)}, 'Open', 'Read', 'ReadWrite, Delete')
[void]$file.Seek(${offset}, 'Begin'); $bytes = New-Object byte[] ${pullBytes}; $count = $file.Read($bytes, 0, $bytes.Length); $file.Close()
[Convert]::ToBase64String($bytes, 0, $count) }`),
        span,
      )
      const bytes = Buffer.from(said.trim(), 'base64')
      offset += bytes.length
      return bytes
    },
    close: async () => void (await runProgram(port, ps(remove(path)), span)),
  }
}

const remove = (path: string): string =>
  `Remove-Item -Force -ErrorAction SilentlyContinue -LiteralPath ${quoted(path)}; exit 0`

/** A script's file and how its shell is called. cmd.exe wants CRLF, and takes @ for: do not print the commands. */
const scriptOf = (shell: string, script: string, output: string) => {
  const lines = script.replace(/\r?\n/g, '\r\n')
  return /powershell|pwsh/i.test(shell)
    ? {
        file: `${output}.ps1`,
        text: `\ufeff${lines}\r\nexit $LASTEXITCODE\r\n`,
        call: '-NoLogo -NoProfile -ExecutionPolicy Bypass -File',
      }
    : { file: `${output}.cmd`, text: `@echo off\r\n${lines}\r\n`, call: '/d /s /c' }
}

export const windowsByAgent: AgentDialect = {
  os: 'windows',
  shell: 'C:\\Windows\\System32\\cmd.exe',
  scratch: nonce => `${folder}\\${nonce}`,
  settleIn: () => ps(`[void](New-Item -ItemType Directory -Force -Path ${quoted(folder)})`),
  tail,

  // cmd.exe itself puts both outputs into the file: bytes stay bytes.
  launch: ({ shell, script, folder: where, output }) => {
    const { file, text, call } = scriptOf(shell, script, output)
    return ps(`[void](New-Item -ItemType Directory -Force -Path ${quoted(where)}); Set-Location -LiteralPath ${quoted(where)}
[IO.File]::WriteAllText(${quoted(file)}, [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(${quoted(Buffer.from(text).toString('base64'))})))
$line = '/d /s /c ""' + ${quoted(shell)} + '" ${call} "' + ${quoted(file)} + '" < NUL > "' + ${quoted(output)} + '" 2>&1"'
$started = Start-Process -FilePath $env:ComSpec -ArgumentList $line -NoNewWindow -PassThru -WorkingDirectory ${quoted(where)}
[void]$started.Handle; $started.WaitForExit(); ${remove(file).replace(/; exit 0$/, '')}
exit $started.ExitCode`)
  },

  // The agent's process is the parent of all. Whatever left the tree is not found.
  kill: pid =>
    ps(`& taskkill.exe /F /T /PID ${pid} 2>&1 | Out-Null
foreach ($try in 1..20) { if (-not (Get-Process -Id ${pid} -ErrorAction SilentlyContinue)) { exit 0 }; Start-Sleep -Milliseconds 250 }
exit 1`),

  // A name would count after the next start only. The kernel renews its random numbers by itself when the machine's generation id changes.
  wake: ({ now }) =>
    ps(
      `Set-Date -Date ([DateTimeOffset]::FromUnixTimeMilliseconds(${Math.round(now)}).LocalDateTime) | Out-Null`,
    ),
  bootMark: () =>
    ps("(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().ToString('o')"),
  sync: () =>
    ps(
      "Get-Volume | Where-Object { $_.DriveLetter -and $_.DriveType -eq 'Fixed' } | ForEach-Object { Write-VolumeCache -DriveLetter $_.DriveLetter }",
    ),
  makeRoom: path =>
    ps(`[void](New-Item -ItemType Directory -Force -Path (Split-Path -Parent ${quoted(path)}))`),
  measure: path => ps(measured(path)),
  unpack: (archive, where) =>
    ps(`[void](New-Item -ItemType Directory -Force -Path ${quoted(where)})
& tar.exe -xf ${quoted(archive)} -C ${quoted(where)}; $code = $LASTEXITCODE
Remove-Item -Force -LiteralPath ${quoted(archive)}; exit $code`),
  pack: (where, paths, archive) =>
    ps(`& tar.exe -cf ${quoted(archive)} -C ${quoted(where)} -- ${paths.map(quoted).join(' ')}
if ($LASTEXITCODE -ne 0) { exit 1 }
${measured(archive)}`),
  remove: path => ps(remove(path)),
}

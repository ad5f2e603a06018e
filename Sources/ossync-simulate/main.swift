import Glibc

do {
    exit(try Arguments(CommandLine.arguments.dropFirst()).run())
} catch {
    writeLine("ossync-simulate: \(error)", to: STDERR_FILENO)
    exit(2)
}

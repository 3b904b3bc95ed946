# An absolute path that needs no quotes in a shell nor in exports(5).
type Neighbours::Path = Pattern[/\A\/[\w.\/-]+\z/]

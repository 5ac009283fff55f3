"""Files that other programs use: the journal, backups in numbered generations, and the transaction over both."""

"""What pages share that this computer serves to its own browser: guards, documents, servers, news."""

"""HTTP-wide concerns: authentication, declared actions, problems, headers, health."""

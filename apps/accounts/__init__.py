"""Who there is: people and service accounts, their roles with scope, tokens, and what is true of the organisation."""
